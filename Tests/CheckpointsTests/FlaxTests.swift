import Checkpoints
import Testing

/// One test per way in which a Flax file can be wrong, and chunked arrays.
@Suite struct FlaxTests {
    private let file = "weights"
    private let four = [UInt8](repeating: 0, count: 16)

    private func problem(_ bytes: [UInt8]) -> CheckpointError? {
        CheckpointsTests.problem(.flax, bytes)
    }

    private func problem(leaf: [UInt8]) -> CheckpointError? {
        problem(MessagePack.map([("a", MessagePack.map([("b", leaf)]))]))
    }

    private func chunked(
        mark: [UInt8] = [0xC3], shape: [Int] = [2, 2], keys: [String] = ["0", "1"],
        types: [String] = ["float32", "float32"]
    ) -> [UInt8] {
        let sizes = shape.enumerated().map { ("\($0)", MessagePack.integer($1)) }
        let chunks = zip(keys, types).map { key, type -> (String, [UInt8]) in
            let bytes: [UInt8] = type == "float32" ? [1, 0, 0, 0, 2, 0, 0, 0] : [0, 0]
            return (key, MessagePack.array([2], type, bytes: bytes))
        }
        return MessagePack.map([
            ("__msgpack_chunked_array__", mark), ("shape", MessagePack.map(sizes)),
            ("chunks", MessagePack.map(chunks)),
        ])
    }

    @Test func soundFileLoads() {
        #expect(problem(leaf: MessagePack.array([2, 2], bytes: four)) == nil)
        #expect(
            problem(leaf: MessagePack.array([], "float32", bytes: [0, 0, 0, 0], extension: 3))
                == nil)
        #expect(problem([0x80]) == nil)
    }

    @Test func chunkedArrayIsJoined() throws {
        let bytes = MessagePack.map([("a", chunked())])
        let tensor = try #require(try tensors(.flax, bytes)["a"])
        #expect(tensor.shape == [2, 2] && tensor.fileName == file)
        #expect(try tensor.floats().map(\.bitPattern) == [1, 2, 1, 2])
    }

    @Test func chunksMalformed() {
        let wrong = [
            chunked(mark: [0xC2]), chunked(keys: ["0", "2"]), chunked(keys: [], types: []),
            chunked(types: ["float32", "int8"]),
        ]
        for bytes in wrong {
            guard
                case .chunksMalformed(file, "a", _, _) =
                    problem(MessagePack.map([("a", bytes)]))
            else {
                Issue.record("expected chunksMalformed")
                return
            }
        }
    }

    @Test func chunksOfTheWrongSize() {
        #expect(
            problem(MessagePack.map([("a", chunked(shape: [5]))]))
                == .sizeMismatch(file: file, tensor: "a", shape: [5], expected: 20, got: 16))
    }

    @Test func everyTruncationIsAnError() {
        let whole = MessagePack.map([
            ("a", MessagePack.array([2, 2], bytes: four)), ("b", chunked()),
        ])
        for length in whole.indices { #expect(problem(Array(whole[..<length])) != nil) }
    }

    @Test func trailingBytes() {
        #expect(problem([0x80, 0]) == .trailingBytes(file: file, offset: 1, count: 1))
    }

    @Test func rootIsNoMap() {
        #expect(
            problem([0x93])
                == .messagePackUnexpected(file: file, offset: 0, expected: "a map", got: 0x93))
    }

    @Test(
        arguments: [[0x01], [0xC0], [0x90], [0xA1, 0x61], [0xCB, 0, 0, 0, 0, 0, 0, 0, 0]]
            as [[UInt8]])
    func leafIsNoArray(leaf: [UInt8]) {
        guard case .messagePackUnexpected(file, _, "array 'a.b'", _) = problem(leaf: leaf)
        else {
            Issue.record("expected messagePackUnexpected")
            return
        }
    }

    @Test func unknownExtension() {
        #expect(
            problem(leaf: MessagePack.array([4], "float32", bytes: four, extension: 2))
                == .messagePackExtensionUnknown(file: file, tensor: "a.b", type: 2))
    }

    @Test func nestingBomb() {
        let bomb = [UInt8](repeating: 0, count: 100_000).flatMap { _ in
            [0x81, 0xA1, 0x61] as [UInt8]
        }
        guard case .messagePackTooDeep(file, _, 32) = problem(bomb) else {
            Issue.record("expected messagePackTooDeep")
            return
        }
    }

    /// A long key above many leaves would be in the name of each.
    @Test func namesAreBounded() {
        let key = String(repeating: "k", count: 200)
        let leaf = MessagePack.array([4], bytes: four)
        func tree(_ depth: Int) -> [UInt8] {
            (0..<depth).reduce(leaf) { tree, _ in MessagePack.map([(key, tree)]) }
        }
        #expect(problem(tree(2)) == nil)
        #expect(problem(tree(3)) == .nameTooLong(file: file, limit: 512, got: 602))
        #expect(
            problem(MessagePack.map([("a", leaf), ("b", tree(30))]))
                == .nameTooLong(file: file, limit: 512, got: 604))
    }

    @Test func giantCountsAllocateNothing() {
        for bytes in [
            [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0x81, 0xDB, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x81, 0xA1, 0x61, 0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        ] as [[UInt8]] {
            guard case .truncated = problem(bytes) else {
                Issue.record("expected truncated")
                return
            }
        }
        let rank = MessagePack.ext(1, [0x93, 0xDD, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(
            problem(leaf: rank)
                == .tooManyDimensions(file: file, tensor: "a.b", limit: 32, got: 0xFFFF_FFFF))
    }

    @Test func duplicateKeys() {
        let leaf = MessagePack.array([4], bytes: four)
        #expect(
            problem(MessagePack.map([("a", leaf), ("a", leaf)]))
                == .duplicateKey(file: file, key: "a"))
        #expect(
            problem(MessagePack.map([("a.b", leaf), ("a", MessagePack.map([("b", leaf)]))]))
                == .duplicateKey(file: file, key: "a.b"))
    }

    @Test func unknownElementType() {
        #expect(
            problem(leaf: MessagePack.array([2], "complex64", bytes: four))
                == .unknownElementType(file: file, tensor: "a.b", got: "complex64"))
    }

    @Test func sizeMismatch() {
        #expect(
            problem(leaf: MessagePack.array([5], bytes: four))
                == .sizeMismatch(file: file, tensor: "a.b", shape: [5], expected: 20, got: 16))
    }

    @Test func shapeOverflows() {
        #expect(
            problem(leaf: MessagePack.array([.max, 2], bytes: four))
                == .shapeOverflow(file: file, tensor: "a.b", shape: [.max, 2]))
    }

    @Test func arrayMalformed() {
        #expect(
            problem(leaf: MessagePack.ext(1, [0x92]))
                == .arrayMalformed(
                    file: file, tensor: "a.b", expected: "[shape, type, bytes]", got: "2 fields"))
        let longer: [UInt8] =
            [0x93, 0x90] + MessagePack.text("int8") + MessagePack.binary([1]) + [0]
        #expect(
            problem(leaf: MessagePack.ext(1, longer))
                == .arrayMalformed(
                    file: file, tensor: "a.b", expected: "nothing after the bytes",
                    got: "1 bytes"))
    }

    @Test func keyIsNotUTF8() {
        #expect(
            problem([0x81, 0xA1, 0xFF])
                == .invalidText(file: file, what: "a key", offset: 2))
    }
}
