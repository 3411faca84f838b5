import Foundation
import TestSupport
import Testing

@testable import HTTPAPI

@Suite struct JSONWriterTests {
    @Test func anyStringReadsBack() throws {
        var writer = JSONWriter()
        let text = "quote \" slash \\ tab \t line \n\r nul \u{0} bell \u{7} é 😀 \u{2028}"
        writer.object { writer in
            writer.key("a")
            writer.array { writer in
                writer.string(text)
                writer.null()
                writer.bool(true)
                writer.number(-3)
            }
            writer.key("b")
            writer.object { _ in }
        }
        let value = try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: Any]
        let array = try #require(value?["a"] as? [Any])
        #expect(array.count == 4)
        #expect((array[0] as? String).map { Array($0.utf8) } == Array(text.utf8))
        #expect((value?["b"] as? [String: Any])?.isEmpty == true)
    }

    @Test func floatsReadBackExactly() throws {
        var random = SeededGenerator(seed: 1)
        var values: [Float] = [0, -0.0, 1, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e-7]
        while values.count < 2_000 {
            let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random))
            if value.isFinite { values.append(value) }
        }
        var writer = JSONWriter()
        writer.numbers(values)
        let read = try JSONDecoder().decode([Float].self, from: Data(writer.bytes))
        #expect(read == values)
    }

    @Test func whatIsNotFiniteIsNull() {
        var writer = JSONWriter()
        writer.numbers([.nan, 1])
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "[null,1.0]")
    }

    /// Every way to write a float, at every edge: the spelling is `description`'s.
    @Test func floatsAreSpeltAsSwiftDoes() {
        var random = SeededGenerator(seed: 2)
        var values: [Float] = [
            0, -0.0, 1, -1, 10, 100_000, 16_777_215, 16_777_216, 16_777_218, 33_554_432, 1e10,
            0.1, 0.001, 0.000_1, 0.000_099_999_9, 1e-5, 1e-10, 9.5e-7, 1.5, 123.456,
            .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .pi,
            Float(bitPattern: 0x0080_0001), Float(bitPattern: 0x007F_FFFF),
        ]
        // The neighbours of all powers of two and ten, where shortest digits are decided.
        for exponent in -149...127 {
            let power = Float(sign: .plus, exponent: exponent, significand: 1)
            values += [power.nextDown, power, power.nextUp]
        }
        var ten: Float = 1e-38
        while ten.isFinite {
            values += [ten.nextDown, ten, ten.nextUp]
            ten *= 10
        }
        for _ in 0..<20_000 {
            let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random))
            if value.isFinite { values.append(value) }
            values.append(Float.random(in: -1...1, using: &random))
        }
        let format = ShortestFloat()
        var bytes = [UInt8](repeating: 0, count: ShortestFloat.maximumLength)
        for value in values where value.isFinite {
            var position = 0
            format.write(value, into: &bytes, at: &position)
            let text = String(decoding: bytes[..<position], as: UTF8.self)
            #expect(text == value.description, "bits \(value.bitPattern)")
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 384, 4_096]) func base64ReadsBack(count: Int) throws {
        var random = SeededGenerator(seed: 3)
        let values = random.floats(count)
        var writer = JSONWriter()
        writer.base64(values)
        let text = try #require(
            JSONSerialization.jsonObject(with: Data(writer.bytes), options: .fragmentsAllowed)
                as? String)
        let data = try #require(Data(base64Encoded: text))
        let expected = values.flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
        #expect(Array(data) == expected)
    }
}
