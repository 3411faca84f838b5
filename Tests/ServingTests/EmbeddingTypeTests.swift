import Serving
import Testing

@Suite struct EmbeddingTypeTests {
    @Test func wholeNumbersAreScaledByTheVectorsOwnLargest() {
        let vector: [Float] = [0.5, -0.25, 0, 0.002, -0.5]
        #expect(EmbeddingType.int8.quantized(vector) == [127, -64, 0, 1, -127])
        #expect(EmbeddingType.uint8.quantized(vector) == [255, 64, 128, 129, 1])
        #expect(EmbeddingType.int8.quantized([0, 0]) == [0, 0])
        #expect(EmbeddingType.float.quantized(vector) == nil)
        // Twice as long a vector points the same way.
        #expect(EmbeddingType.int8.quantized(vector.map { $0 * 2 }) == [127, -64, 0, 1, -127])
    }

    @Test func bitsFromTheHighestOn() {
        let vector: [Float] = [1, -1, 0, 2, -3, -1, -1, 1, 0.5]
        #expect(EmbeddingType.ubinary.quantized(vector) == [0b1001_0001, 0b1000_0000])
        #expect(EmbeddingType.binary.quantized(vector) == [0b1001_0001 - 128, 0])
    }
}
