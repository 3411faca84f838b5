import TestSupport
import Testing

@testable import Kernels

/// Places of parts against a comparison at each place.
@Suite struct ByteSearchTests {
    private static func places(_ part: [UInt8], _ bytes: [UInt8], step: Int) -> [Int] {
        var places: [Int] = []
        ByteSearch.forEachPlace(of: part, in: bytes) { place in
            places.append(place)
            return place + step
        }
        return places
    }

    @Test(
        "parts of every length around the strips that are compared at once",
        arguments: [0, 1, 2, 63, 64, 65, 127, 129, 400])
    func againstDefinition(count: Int) {
        var random = SeededGenerator(seed: UInt64(600 + count))
        // Two letters, so that parts nearly fit everywhere.
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...1, using: &random) }
        for length in [0, 1, 2, 3, 7, 8, 64, 65, count] where length <= count {
            for start in [0, count - length] {
                let part = Array(bytes[start..<start + length])
                let all = (0...count - length).filter {
                    length > 0 && bytes[$0..<$0 + length].elementsEqual(part)
                }
                #expect(Self.places(part, bytes, step: 1) == all)
                let apart = all.reduce(into: [Int]()) { places, place in
                    if place >= (places.last ?? -9) + 9 { places.append(place) }
                }
                #expect(Self.places(part, bytes, step: 9) == apart)
            }
        }
        #expect(Self.places([2], bytes, step: 1).isEmpty)
        #expect(Self.places([UInt8](repeating: 0, count: count + 1), bytes, step: 1).isEmpty)
    }
}
