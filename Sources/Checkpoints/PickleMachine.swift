/// Reads pickles of protocol 2 as data. There is nothing to execute: the few globals that
/// `PickleGlobal` lists are descriptions, every other one is refused by name.
///
/// Memory is bounded by the bytes that were read: each operation takes at least one byte and makes
/// at most one value, a value's size is bounded or is that of the values it takes, and there is a
/// limit on the number of operations.
struct PickleMachine {
    private(set) var cursor: ByteCursor
    private(set) var heap = PickleHeap()
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var operations = 0

    /// Enough for 200,000 tensors. The most memory that a file can ask for is 650 bytes for three
    /// operations: a tensor of the most dimensions, made again and again of the same parts.
    private static let maximumOperations = 4_000_000

    init(_ cursor: ByteCursor) { self.cursor = cursor }

    private var fileName: String { cursor.file.name }

    /// Reads one pickle, from the cursor to its end mark, and returns its value.
    mutating func load() throws(CheckpointError) -> PickleValue {
        stack = []
        marks = []
        memo = [:]
        while true {
            operations += 1
            guard operations <= PickleMachine.maximumOperations else {
                throw .pickleTooLarge(file: fileName, limit: PickleMachine.maximumOperations)
            }
            let start = cursor.offset
            let code = try cursor.byte("a pickle operation")
            guard let operation = PickleOperation(rawValue: code) else {
                throw .pickleOpcodeRefused(
                    file: fileName, opcode: PickleOperation.name(of: code), offset: start)
            }
            if operation == .stop {
                let value = try pop()
                guard stack.isEmpty, marks.isEmpty else {
                    throw malformed("one value at the end", "\(stack.count + 1)")
                }
                return value
            }
            try perform(operation)
        }
    }

    private mutating func perform(_ operation: PickleOperation) throws(CheckpointError) {
        switch operation {
        case .stop: break
        case .version:
            let version = try cursor.byte("the pickle protocol")
            guard version == 2 else {
                throw .pickleProtocolUnsupported(file: fileName, got: Int(version))
            }
        case .mark: marks.append(stack.count)
        case .none: stack.append(.none)
        case .newTrue: stack.append(.bool(true))
        case .newFalse: stack.append(.bool(false))
        case .int32:
            stack.append(.integer(Int(try cursor.littleEndian(Int32.self, "an integer"))))
        case .uint8: stack.append(.integer(Int(try cursor.byte("an integer"))))
        case .uint16:
            stack.append(.integer(Int(try cursor.littleEndian(UInt16.self, "an integer"))))
        case .long: stack.append(try long())
        case .double:
            let bits = try cursor.bigEndian(UInt64.self, "a float")
            stack.append(.double(Double(bitPattern: bits)))
        case .string:
            let length = try cursor.littleEndian(UInt32.self, "the length of a string")
            stack.append(.string(try cursor.text(Int(length), "a string")))
        case .emptyTuple: push(tuple: [])
        case .tuple1: try push(tuple: pop(1))
        case .tuple2: try push(tuple: pop(2))
        case .tuple3: try push(tuple: pop(3))
        case .tuple: try push(tuple: popToMark())
        case .emptyList:
            heap.lists.append([])
            stack.append(.list(heap.lists.count - 1))
        case .append: try appendToList(pop(1))
        case .appends: try appendToList(popToMark())
        case .emptyDictionary: pushDictionary()
        case .setItem: try setItems(pop(2))
        case .setItems: try setItems(popToMark())
        case .global: try global()
        case .reduce: try reduce()
        case .build: try build()
        case .put: try keep(Int(try cursor.byte("a memo index")))
        case .longPut: try keep(Int(try cursor.littleEndian(UInt32.self, "a memo index")))
        case .get: try recall(Int(try cursor.byte("a memo index")))
        case .longGet: try recall(Int(try cursor.littleEndian(UInt32.self, "a memo index")))
        case .persistentID: try storage()
        }
    }

    // MARK: Stack

    private func malformed(_ expected: String, _ got: String) -> CheckpointError {
        .pickleMalformed(file: fileName, offset: cursor.offset, expected: expected, got: got)
    }

    /// Values below the last mark are out of reach.
    private mutating func pop() throws(CheckpointError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
            throw .pickleStackEmpty(file: fileName, offset: cursor.offset)
        }
        return value
    }

    private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else {
            throw .pickleStackEmpty(file: fileName, offset: cursor.offset)
        }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
        guard let mark = marks.popLast() else {
            throw .pickleStackEmpty(file: fileName, offset: cursor.offset)
        }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private func top() throws(CheckpointError) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else {
            throw .pickleStackEmpty(file: fileName, offset: cursor.offset)
        }
        return value
    }

    private mutating func keep(_ index: Int) throws(CheckpointError) { memo[index] = try top() }

    private mutating func recall(_ index: Int) throws(CheckpointError) {
        guard let value = memo[index] else {
            throw .pickleMemoMissing(file: fileName, index: index, offset: cursor.offset)
        }
        stack.append(value)
    }

    // MARK: Values

    /// An integer of up to 255 bytes, little-endian two's complement.
    private mutating func long() throws(CheckpointError) -> PickleValue {
        let range = try cursor.take(Int(try cursor.byte("the length of an integer")), "an integer")
        guard range.count <= 8 else { return .largeInteger }
        var value = 0
        for (index, offset) in range.enumerated() {
            value |= Int(cursor.file[offset]) << (index * 8)
        }
        let unused = 64 - range.count * 8
        return .integer(unused == 64 ? 0 : (value << unused) >> unused)
    }

    private mutating func push(tuple values: [PickleValue]) {
        heap.tuples.append(values)
        stack.append(.tuple(heap.tuples.count - 1))
    }

    private mutating func pushDictionary() {
        heap.dictionaries.append([])
        stack.append(.dictionary(heap.dictionaries.count - 1))
    }

    private mutating func appendToList(_ values: [PickleValue]) throws(CheckpointError) {
        guard case .list(let list) = try top() else {
            throw malformed("a list to append to", try top().kind)
        }
        heap.lists[list].append(contentsOf: values)
    }

    private mutating func setItems(_ values: [PickleValue]) throws(CheckpointError) {
        guard case .dictionary(let dictionary) = try top() else {
            throw malformed("a dictionary to fill", try top().kind)
        }
        guard values.count.isMultiple(of: 2) else {
            throw malformed("pairs of keys and values", "\(values.count) values")
        }
        for index in stride(from: 0, to: values.count, by: 2) {
            heap.dictionaries[dictionary].append((values[index], values[index + 1]))
        }
    }

    /// Two lines of text: module and name.
    private mutating func global() throws(CheckpointError) {
        let module = try line()
        let name = try line()
        guard let global = PickleGlobal(module: module, name: name) else {
            throw .pickleGlobalRefused(file: fileName, name: "\(module).\(name)")
        }
        stack.append(.global(global))
    }

    private mutating func line() throws(CheckpointError) -> String {
        let start = cursor
        var length = 0
        while try cursor.byte("the name of a global") != 0x0A {
            length += 1
            guard length <= 200 else { throw malformed("a name of at most 200 bytes", "more") }
        }
        var text = start
        return try text.text(length, "the name of a global")
    }

    /// Objects may bring attributes (`OrderedDict._metadata` of a state dictionary): passed over.
    private mutating func build() throws(CheckpointError) {
        _ = try pop()
        guard case .dictionary = try top() else {
            throw malformed("attributes of a dictionary", try top().kind)
        }
    }

    private mutating func reduce() throws(CheckpointError) {
        let arguments = try tuple(try pop(), "arguments")
        let callee = try pop()
        guard case .global(let global) = callee else {
            throw malformed("a global to call", callee.kind)
        }
        switch global {
        case .orderedDictionary:
            guard arguments.isEmpty else {
                throw malformed("OrderedDict()", "\(arguments.count) arguments")
            }
            pushDictionary()
        case .rebuildTensor: try rebuildTensor(arguments)
        case .rebuildParameter:
            guard arguments.count == 3, case .tensor = arguments[0] else {
                throw malformed("a parameter's tensor, flag and hooks", "other arguments")
            }
            stack.append(arguments[0])
        case .storage: throw malformed("a function to call", callee.kind)
        }
    }

    private func tuple(_ value: PickleValue, _ what: String) throws(CheckpointError)
        -> [PickleValue]
    {
        guard case .tuple(let index) = value else {
            throw malformed("a tuple of \(what)", value.kind)
        }
        return heap.tuples[index]
    }

    /// A tuple of one integer for each dimension. Its length is checked before it is copied: a pickle
    /// can give the same tuple to any number of tensors.
    private func integers(_ value: PickleValue, _ what: String) throws(CheckpointError) -> [Int] {
        let elements = try tuple(value, what)
        guard elements.count <= TensorView.maximumRank else {
            throw malformed(
                "at most \(TensorView.maximumRank) integers in \(what)", "\(elements.count)")
        }
        var integers: [Int] = []
        for element in elements {
            guard case .integer(let integer) = element else {
                throw malformed("an integer in \(what)", element.kind)
            }
            integers.append(integer)
        }
        return integers
    }

    /// (storage, offset, shape, strides, requires_grad, backward_hooks[, metadata])
    private mutating func rebuildTensor(_ arguments: [PickleValue]) throws(CheckpointError) {
        guard (6...7).contains(arguments.count) else {
            throw malformed("6 or 7 arguments of a tensor", "\(arguments.count)")
        }
        guard case .storage(let storage) = arguments[0] else {
            throw malformed("the storage of a tensor", arguments[0].kind)
        }
        guard case .integer(let offset) = arguments[1] else {
            throw malformed("the offset of a tensor", arguments[1].kind)
        }
        heap.tensors.append(
            PickleTensor(
                storage: storage, offset: offset,
                shape: try integers(arguments[2], "the shape of a tensor"),
                strides: try integers(arguments[3], "the strides of a tensor"),
                isPlain: try isPlain(arguments.dropFirst(6).first ?? .none)))
        stack.append(.tensor(heap.tensors.count - 1))
    }

    /// Whether `metadata` says nothing: PyTorch has {"neg": True} or {"conj": True} there for views
    /// whose numbers are not the stored ones.
    private func isPlain(_ metadata: PickleValue) throws(CheckpointError) -> Bool {
        switch metadata {
        case .none: return true
        case .dictionary(let index): return heap.dictionaries[index].isEmpty
        default: throw malformed("the metadata of a tensor", metadata.kind)
        }
    }

    /// ("storage", type, key, location, elements[, None])
    private mutating func storage() throws(CheckpointError) {
        let fields = try tuple(try pop(), "a storage")
        guard fields.count == 5 || fields.count == 6 else {
            throw malformed("5 or 6 fields of a storage", "\(fields.count)")
        }
        if fields.count == 6 {
            guard case .none = fields[5] else {
                throw malformed("a storage that is no view of another", fields[5].kind)
            }
        }
        guard case .string("storage") = fields[0], case .global(.storage(let type)) = fields[1],
            case .string(let key) = fields[2], case .string = fields[3],
            case .integer(let count) = fields[4], count >= 0
        else {
            let kinds = fields.map(\.kind).joined(separator: ", ")
            throw malformed("('storage', type, key, location, elements)", kinds)
        }
        let storage = PickleStorage(key: key, type: type, count: count)
        if let index = heap.storageIndices[key] {
            guard heap.storages[index] == storage else {
                throw .storageConflict(file: fileName, storage: key)
            }
            stack.append(.storage(index))
        } else {
            heap.storages.append(storage)
            heap.storageIndices[key] = heap.storages.count - 1
            stack.append(.storage(heap.storages.count - 1))
        }
    }
}
