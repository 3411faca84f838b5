/// What a pickle can make here: plain data, and descriptions of storages and tensors.
///
/// Containers are numbers that index into `PickleHeap`, so that no nesting and no cycle in a file
/// becomes nesting or a cycle of references in this process.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case largeInteger
    case double(Double)
    case string(String)
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case global(PickleGlobal)
    case storage(Int)
    case tensor(Int)

    /// What this is, for messages.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .integer(let value): "the integer \(value)"
        case .largeInteger: "a long integer"
        case .double: "a float"
        case .string: "a string"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .global(let global): "'\(global.name)'"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}

/// The globals that a checkpoint needs: everything that a pickle may name.
enum PickleGlobal: Equatable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case storage(ElementType)

    private static let storages: [String: ElementType] = [
        "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
        "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32,
        "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
    ]

    /// The global of that name; nil for any other.
    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", _):
            guard let type = PickleGlobal.storages[name] else { return nil }
            self = .storage(type)
        default: return nil
        }
    }

    var name: String {
        switch self {
        case .orderedDictionary: "collections.OrderedDict"
        case .rebuildTensor: "torch._utils._rebuild_tensor_v2"
        case .rebuildParameter: "torch._utils._rebuild_parameter"
        case .storage(let type): "torch storage of \(type.rawValue)"
        }
    }
}

/// A block of numbers that tensors are views of; `count` in elements.
struct PickleStorage: Equatable {
    let key: String
    let type: ElementType
    let count: Int
}

/// A tensor as the pickle describes it; `offset` and `strides` in elements.
struct PickleTensor {
    let storage: Int
    let offset: Int
    let shape: [Int]
    let strides: [Int]
    /// False where the tensor's numbers are not those that are stored, but their negatives or
    /// conjugates.
    let isPlain: Bool
}

/// The containers of a pickle.
struct PickleHeap {
    var tuples: [[PickleValue]] = []
    var lists: [[PickleValue]] = []
    var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [PickleStorage] = []
    var storageIndices: [String: Int] = [:]
    var tensors: [PickleTensor] = []
}
