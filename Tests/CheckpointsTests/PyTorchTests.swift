import Checkpoints
import Foundation
import Testing

/// One test per way in which a pickle, or what it describes, can be wrong.
@Suite struct PyTorchTests {
    private let file = "weights"

    private func problem(_ pickle: Pickle, storages: [Int] = [16]) -> CheckpointError? {
        CheckpointsTests.problem(.pytorch, pytorch(pickle, storages: storages))
    }

    @Test func soundFileLoads() throws {
        let pickle = Pickle.dictionary { $0.tensor(shape: [2, 2], strides: [1, 2]) }
        let tensor = try #require(try tensors(.pytorch, pytorch(pickle))["a"])
        #expect(tensor.shape == [2, 2] && tensor.strides == [1, 2] && !tensor.isContiguous)
    }

    @Test(arguments: [
        ("DoubleStorage", ElementType.float64), ("FloatStorage", .float32),
        ("HalfStorage", .float16), ("BFloat16Storage", .bfloat16), ("LongStorage", .int64),
        ("IntStorage", .int32), ("ShortStorage", .int16), ("CharStorage", .int8),
        ("ByteStorage", .uint8), ("BoolStorage", .bool),
    ]) func everyStorageType(name: String, type: ElementType) throws {
        let pickle = Pickle.dictionary { $0.tensor("0", name) }
        let tensor = try tensors(.pytorch, pytorch(pickle, storages: [4 * type.size]))["a"]
        #expect(tensor?.type == type)
    }

    @Test func parameterAndNestedStateDictionaryLoad() throws {
        let parameter = Pickle.dictionary("w") {
            $0.global("torch._utils", "_rebuild_parameter").op("(").tensor().raw([0x88])
                .global("collections", "OrderedDict").op(")").op("R").op("t").op("R")
        }
        #expect(try tensors(.pytorch, pytorch(parameter))["w"]?.count == 4)
        let nested = Pickle().op("}").op("(").string("epoch").integer(3).string("state_dict")
            .op("}").string("w").tensor().op("s").op("u").op(".")
        #expect(try tensors(.pytorch, pytorch(nested)).keys.sorted() == ["w"])
    }

    @Test(arguments: [
        ("os", "system"), ("builtins", "eval"), ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch._utils", "_rebuild_tensor"), ("collections", "OrderedDict.__init__"),
        ("torch", "ComplexFloatStorage"), ("", ""), ("numpy.core.multiarray", "_reconstruct"),
    ]) func globalRefusedByName(module: String, name: String) {
        let pickle = Pickle().global(module, name).op("(").string("id").op("t").op("R").op(".")
        #expect(
            problem(pickle) == .pickleGlobalRefused(file: file, name: "\(module).\(name)"))
    }

    @Test(
        arguments: [
            ([0x69], "INST"), ([0x6F], "OBJ"), ([0x81], "NEWOBJ"), ([0x93], "STACK_GLOBAL"),
            ([0x95], "FRAME"), ([0x82], "EXT1"), ([0x50], "PERSID"), ([0xFF], "0xff"),
        ] as [([UInt8], String)]) func opcodeRefused(bytes: [UInt8], name: String) throws
    {
        guard case .pickleOpcodeRefused(file, name, _) = problem(Pickle().raw(bytes)) else {
            Issue.record("\(name) was not refused")
            return
        }
    }

    @Test func protocolUnsupported() {
        #expect(
            problem(Pickle(bytes: [0x80, 4]))
                == .pickleProtocolUnsupported(file: file, got: 4))
    }

    @Test(arguments: ["s", "u", "a", "e", "t", "\u{71}\u{0}", "R", "b", "Q", "."])
    func stackEmpty(operation: String) {
        guard case .pickleStackEmpty = problem(Pickle().raw(Array(operation.utf8))) else {
            Issue.record("'\(operation)' was not refused")
            return
        }
    }

    @Test func valuesBelowTheMarkAreOutOfReach() {
        guard case .pickleStackEmpty = problem(Pickle().op("}").op("(").op(".")) else {
            Issue.record("expected pickleStackEmpty")
            return
        }
    }

    @Test func memoMissing() {
        guard case .pickleMemoMissing(file, 7, _) = problem(Pickle().raw([0x68, 7])) else {
            Issue.record("expected pickleMemoMissing")
            return
        }
    }

    @Test(arguments: [
        Pickle().op("N").op("N").op("a"),
        Pickle().op("N").op("N").op("N").op("s"),
        Pickle().op("}").op("(").op("N").op("u"),
        Pickle().op("}").op("N").op("R"),
        Pickle().op("N").op(")").op("R"),
        Pickle().op("N").op("N").op("b"),
        Pickle().global("collections", "OrderedDict").op("(").op("N").op("t").op("R"),
        Pickle().global("torch", "FloatStorage").op(")").op("R"),
        Pickle().global("torch._utils", "_rebuild_tensor_v2").op(")").op("R"),
        Pickle().global("torch._utils", "_rebuild_parameter").op(")").op("R"),
        Pickle().op(")").op("Q"),
        Pickle().op("N").op("N").op("."),
        Pickle().op("(").op("N").op("t").op("Q"),
        Pickle().storage("0", "FloatStorage", -1),
        Pickle().op("c").raw([UInt8](repeating: 0x61, count: 1000)),
    ]) func malformedPickle(pickle: Pickle) {
        guard case .pickleMalformed = problem(pickle) else {
            Issue.record("was not refused")
            return
        }
    }

    @Test func truncatedPickle() {
        let whole = Pickle.dictionary { $0.tensor() }.bytes
        for length in 0..<whole.count {
            switch problem(Pickle(bytes: Array(whole[..<length]))) {
            case .truncated, .pickleStackEmpty: break
            case let other: Issue.record("\(length): \(String(describing: other))")
            }
        }
    }

    @Test func giantStringLengthAllocatesNothing() {
        guard
            case .truncated(file, "a string", _, 0xFFFF_FFFF, 0) =
                problem(Pickle().raw([0x58, 0xFF, 0xFF, 0xFF, 0xFF]))
        else {
            Issue.record("expected truncated")
            return
        }
    }

    @Test func trailingBytesAfterPickle() {
        guard
            case .trailingBytes(file, _, 1) = problem(Pickle.dictionary { $0.tensor() }.op("."))
        else {
            Issue.record("expected trailingBytes")
            return
        }
    }

    @Test func nestingBombAndCycle() {
        let depth = 100_000
        let bomb = Pickle().raw(
            [UInt8](repeating: 0x5D, count: depth) + [UInt8](repeating: 0x61, count: depth - 1))
        #expect(
            problem(bomb.op(".")) == .notAStateDictionary(file: file, got: "a list"))
        let tuples = Pickle().op(")").raw([UInt8](repeating: 0x85, count: depth)).op(".")
        #expect(problem(tuples) == .notAStateDictionary(file: file, got: "a tuple"))
        let cycle = Pickle().op("}").raw([0x71, 0]).string("a").raw([0x68, 0]).op("s").op(".")
        #expect(
            problem(cycle) == .notATensor(file: file, tensor: "a", got: "a dictionary"))
    }

    @Test func tooManyOperations() {
        let many = Pickle().raw([UInt8](repeating: 0x4E, count: 4_000_001))
        #expect(problem(many) == .pickleTooLarge(file: file, limit: 4_000_000))
    }

    @Test func notAStateDictionary() {
        #expect(
            problem(Pickle().tensor().op("."))
                == .notAStateDictionary(file: file, got: "a tensor"))
        #expect(
            problem(Pickle().op("}").integer(1).tensor().op("s").op("."))
                == .notAStateDictionary(file: file, got: "a key that is the integer 1"))
    }

    @Test func notATensor() {
        #expect(
            problem(Pickle.dictionary { $0.integer(5) })
                == .notATensor(file: file, tensor: "a", got: "the integer 5"))
    }

    @Test func duplicateTensor() {
        let pickle = Pickle().op("}").op("(").string("a").tensor().string("a").tensor().op("u")
        #expect(problem(pickle.op(".")) == .duplicateKey(file: file, key: "a"))
    }

    @Test func storageMissing() {
        #expect(
            problem(Pickle.dictionary { $0.tensor("../0") })
                == .storageMissing(file: file, storage: "../0"))
    }

    @Test func storageConflict() {
        let pickle = Pickle().op("}").op("(").string("a").tensor().string("b")
            .tensor("0", "IntStorage").op("u").op(".")
        #expect(problem(pickle) == .storageConflict(file: file, storage: "0"))
    }

    @Test func storageSizeMismatch() {
        #expect(
            problem(Pickle.dictionary { $0.tensor() }, storages: [15])
                == .storageSizeMismatch(file: file, storage: "0", expected: 16, got: 15))
        #expect(
            problem(Pickle.dictionary { $0.tensor(stored: .max) })
                == .storageSizeMismatch(file: file, storage: "0", expected: .max, got: 16))
    }

    @Test func viewOutOfRange() {
        #expect(
            problem(Pickle.dictionary { $0.tensor(offset: 1) })
                == .viewOutOfRange(
                    file: file, tensor: "a", neededElements: 4, availableElements: 4))
        #expect(
            problem(Pickle.dictionary { $0.tensor(shape: [2, 2], strides: [3, 1]) })
                == .viewOutOfRange(
                    file: file, tensor: "a", neededElements: 4, availableElements: 4))
        #expect(
            problem(Pickle.dictionary { $0.tensor(offset: 5, shape: [0], strides: [1]) })
                == .viewOutOfRange(
                    file: file, tensor: "a", neededElements: 5, availableElements: 4))
    }

    @Test func viewRepeatsElements() {
        #expect(
            problem(Pickle.dictionary { $0.tensor(shape: [1 << 40], strides: [0]) })
                == .viewRepeatsElements(
                    file: file, tensor: "a", elements: 1 << 40, storedElements: 4))
    }

    @Test func negativeDimension() {
        for (offset, shape, strides) in [
            (-1, [4], [1]), (0, [-4], [1]), (3, [4], [-1]), (.min, [.min], [.min]),
        ] {
            #expect(
                problem(
                    Pickle.dictionary {
                        $0.tensor(offset: offset, shape: shape, strides: strides)
                    })
                    == .negativeDimension(
                        file: file, tensor: "a", shape: shape + strides + [offset]))
        }
    }

    @Test func stridesMismatch() {
        #expect(
            problem(Pickle.dictionary { $0.tensor(shape: [2, 2], strides: [1]) })
                == .stridesMismatch(file: file, tensor: "a", shape: [2, 2], strides: [1]))
    }

    @Test func shapeOverflows() {
        for (shape, strides) in [([Int.max, 2], [0, 0]), ([2, 2], [.max, .max]), ([3], [.max])] {
            #expect(
                problem(Pickle.dictionary { $0.tensor(shape: shape, strides: strides) })
                    == .shapeOverflow(file: file, tensor: "a", shape: shape))
        }
    }

    @Test func strideOfASingleElementMayBeAnything() {
        let pickle = Pickle.dictionary {
            $0.tensor(offset: 3, shape: [1, 1, 1], strides: [.max, 0, .max])
        }
        #expect(problem(pickle) == nil)
    }

    @Test func metadataThatSaysNothing() {
        #expect(problem(Pickle.dictionary { $0.tensor { $0.op("N") } }) == nil)
        #expect(problem(Pickle.dictionary { $0.tensor { $0.op("}") } }) == nil)
    }

    /// PyTorch writes `-x` of a lazily negated view as x and {"neg": True}.
    @Test(arguments: ["neg", "conj"]) func numbersThatAreNotTheStoredOnes(flag: String) {
        let view = Pickle.dictionary { $0.tensor { $0.op("}").string(flag).raw([0x88]).op("s") } }
        guard case .notATensor(file, tensor: "a", _) = problem(view) else {
            Issue.record("was not refused")
            return
        }
        guard
            case .pickleMalformed =
                problem(Pickle.dictionary { $0.tensor { $0.string(flag) } })
        else {
            Issue.record("metadata that is no dictionary")
            return
        }
    }

    @Test func dimensionsOfOneTupleForManyTensors() {
        let many = Pickle().op("(").raw((0..<100_000).flatMap { _ in [0x4B, 1] as [UInt8] })
            .op("t").raw([0x71, 0])
        let pickle = many.op("}").string("a").global("torch._utils", "_rebuild_tensor_v2").op("(")
            .storage("0", "FloatStorage", 4).integer(0).raw([0x68, 0, 0x68, 0, 0x89, 0x4E])
            .op("t").op("R")
        guard case .pickleMalformed(file, _, let expected, "100000") = problem(pickle) else {
            Issue.record("was not refused")
            return
        }
        #expect(expected == "at most 32 integers in the shape of a tensor")
    }

    @Test func notPyTorch() {
        for bytes in [[], [0x80], Array("hello".utf8), [0x80, 2] + Array("}.".utf8)] as [[UInt8]] {
            #expect(
                CheckpointsTests.problem(.pytorch, bytes) == .notPyTorch(file: file))
        }
    }
}
