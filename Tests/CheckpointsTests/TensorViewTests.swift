import Checkpoints
import Foundation
import Testing

/// Numbers of every type, through views of every kind.
@Suite struct TensorViewTests {
    private func tensor(_ type: String, _ shape: [Int], _ bytes: [UInt8]) throws -> TensorView {
        let sizes = shape.map(String.init).joined(separator: ",")
        let header =
            #"{"a":{"dtype":"\#(type)","shape":[\#(sizes)],"data_offsets":[0,\#(bytes.count)]}}"#
        let file = littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + bytes
        return try #require(try tensors(.safetensors, file)["a"])
    }

    @Test func viewKeepsTheMappingAlive() throws {
        let view = try withDirectory([:]) { directory in
            let url = directory.appending(path: "a.safetensors")
            try SafetensorsWriter.write([("a", [2], .float32([1, 2]))], to: url)
            return try #require(try SafetensorsFile(url: url).tensors["a"])
        }
        #expect(try view.floats() == [1, 2])
    }

    @Test func everyHalfPrecisionNumberIsExact() throws {
        let bytes = (0...UInt16.max).flatMap { littleEndian($0) }
        let halves = try tensor("F16", [65536], bytes)
        for (bits, value) in zip(0...UInt16.max, try halves.floats()) {
            let truth = Float(Float16(bitPattern: bits))
            guard value.bitPattern == truth.bitPattern || (value.isNaN && truth.isNaN) else {
                Issue.record("\(bits): \(value), expected \(truth)")
                return
            }
        }
        #expect(try halves.firstNonFinite() == 0x7C00)
        #expect(try tensor("BF16", [65536], bytes).firstNonFinite() == 0x7F80)
    }

    @Test func floatingPointTypes() throws {
        #expect(try tensor("BF16", [2], [0x80, 0x3F, 0x20, 0xC0]).floats() == [1, -2.5])
        let doubles = [0.1, -1e300, .nan, 0x1p-1074].flatMap { littleEndian($0.bitPattern) }
        let view = try tensor("F64", [2, 2], doubles)
        #expect(try view.floats().prefix(2) == [0.1, -.infinity])
        #expect(try view.firstNonFinite() == 1)
        #expect(try tensor("F32", [], littleEndian(Float.nan.bitPattern)).firstNonFinite() == 0)
        #expect(try tensor("F32", [0], []).firstNonFinite() == nil)
    }

    /// From half a step beyond the largest float32 on, a float64 becomes infinity.
    @Test func firstNonFiniteIsOfTheConvertedNumber() throws {
        let largest = Double(Float.greatestFiniteMagnitude)
        let limit = largest + Double(Float.greatestFiniteMagnitude.ulp) / 2
        for (value, first) in [
            (largest, nil), (limit.nextDown, nil), (limit, 1), (1e300, 1), (.infinity, 1),
            (.nan, 1),
        ] as [(Double, Int?)] {
            for value in [value, -value] {
                let view = try tensor(
                    "F64", [2], [0, value].flatMap { littleEndian($0.bitPattern) })
                #expect(try view.firstNonFinite() == first, "\(value)")
                #expect(try view.floats()[1].isFinite == (first == nil), "\(value)")
            }
        }
    }

    @Test func integerTypes() throws {
        #expect(try tensor("I64", [1], littleEndian(Int64.min)).integers() == [.min])
        #expect(try tensor("I32", [1], littleEndian(Int32(-7))).integers() == [-7])
        #expect(try tensor("I16", [1], littleEndian(Int16(-300))).integers() == [-300])
        #expect(try tensor("I8", [1], [0xFF]).integers() == [-1])
        #expect(try tensor("U8", [1], [0xFF]).integers() == [255])
        #expect(try tensor("BOOL", [3], [0, 1, 2]).integers() == [0, 1, 1])
    }

    @Test func wrongKindOfNumber() throws {
        let view = try tensor("I8", [1], [1])
        #expect(
            throws: CheckpointError.elementTypeMismatch(
                file: "weights", tensor: "a", expected: "a floating-point type", got: .int8)
        ) { try view.floats() }
        #expect(throws: CheckpointError.self) { try view.firstNonFinite() }
        #expect(throws: CheckpointError.self) { try tensor("F16", [1], [0, 0]).integers() }
    }

    /// A view of shape [2, 3, 4] into 30 numbers, every order of its dimensions.
    @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func stridesAreHonoured(order: [Int]) throws {
        let sizes = [2, 3, 4]
        let steps = [12, 4, 1]
        let shape = order.map { sizes[$0] }
        let strides = order.map { steps[$0] }
        let pickle = Pickle.dictionary {
            $0.tensor("0", "ShortStorage", stored: 30, offset: 5, shape: shape, strides: strides)
        }
        let storage = (0..<30).flatMap { littleEndian(Int16($0)) }
        let bytes = zip([
            ZipPart(name: "m/data.pkl", content: pickle.bytes),
            ZipPart(name: "m/data/0", content: storage),
        ])
        let view = try #require(try tensors(.pytorch, bytes)["a"])
        var expected: [Int64] = []
        for i in 0..<shape[0] {
            for j in 0..<shape[1] {
                for k in 0..<shape[2] {
                    expected.append(
                        Int64(5 + i * strides[0] + j * strides[1] + k * strides[2]))
                }
            }
        }
        #expect(view.isContiguous == (order == [0, 1, 2]))
        #expect(try view.integers() == expected)
        let packed = view.withContiguousBytes { Array($0) }
        #expect(packed == expected.flatMap { littleEndian(Int16($0)) })
    }

    @Test func firstNonFiniteOfAStridedView() throws {
        let pickle = Pickle.dictionary { $0.tensor(stored: 4, shape: [2, 2], strides: [1, 2]) }
        let values: [Float] = [0, .infinity, .nan, 0]
        let bytes = zip([
            ZipPart(name: "m/data.pkl", content: pickle.bytes),
            ZipPart(
                name: "m/data/0", content: values.flatMap { littleEndian($0.bitPattern) }),
        ])
        let view = try #require(try tensors(.pytorch, bytes)["a"])
        #expect(try view.firstNonFinite() == 1)
    }
}
