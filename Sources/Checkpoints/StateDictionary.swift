/// The dictionary of tensors that a pickle holds.
struct StateDictionary {
    private let heap: PickleHeap
    private let file: MappedFile
    private let members: [(key: PickleValue, value: PickleValue)]

    /// Takes `root`, or what `root` holds under "state_dict"; throws when that is no dictionary.
    init(_ root: PickleValue, _ heap: PickleHeap, _ file: MappedFile) throws(CheckpointError) {
        guard case .dictionary(let index) = root else {
            throw .notAStateDictionary(file: file.name, got: root.kind)
        }
        self.heap = heap
        self.file = file
        for case (.string("state_dict"), .dictionary(let inner)) in heap.dictionaries[index] {
            members = heap.dictionaries[inner]
            return
        }
        members = heap.dictionaries[index]
    }

    /// Views of all tensors; `contents` says where each storage of the heap lies.
    func tensors(in contents: [Range<Int>]) throws(CheckpointError) -> [String: TensorView] {
        var tensors: [String: TensorView] = [:]
        for (key, value) in members {
            guard case .string(let name) = key else {
                throw .notAStateDictionary(file: file.name, got: "a key that is \(key.kind)")
            }
            guard case .tensor(let index) = value else {
                throw .notATensor(file: file.name, tensor: name, got: value.kind)
            }
            let tensor = heap.tensors[index]
            guard tensor.isPlain else {
                throw .notATensor(
                    file: file.name, tensor: name,
                    got: "a view with metadata (negated or conjugated numbers)")
            }
            let view = try TensorView(
                name: name, file: file, bytes: contents[tensor.storage],
                type: heap.storages[tensor.storage].type, shape: tensor.shape,
                strides: tensor.strides, offset: tensor.offset)
            guard tensors.updateValue(view, forKey: name) == nil else {
                throw .duplicateKey(file: file.name, key: name)
            }
        }
        return tensors
    }
}
