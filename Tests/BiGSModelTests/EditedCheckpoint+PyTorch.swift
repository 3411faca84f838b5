import BiGSModel
import Checkpoints
import Foundation

extension EditedCheckpoint {
    /// Writes config.json and, of the tensors of floats, a pytorch_model.bin of the form before zip;
    /// opens them and returns what `inspect` finds. `storage` names the block of numbers that a tensor
    /// begins; it is as long as the longest of its tensors.
    func problems(storage: (String) -> String) throws -> [ModelProblem] {
        var storages: [String: [Float]] = [:]
        for (name, tensor) in tensors {
            let longest = storages[storage(name)] ?? []
            if tensor.values.count > longest.count { storages[storage(name)] = tensor.values }
        }
        var object = Pickle().op("}").op("(")
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let strides = tensor.shape.indices.map { tensor.shape[($0 + 1)...].reduce(1, *) }
            object = object.string(name).global("torch._utils", "_rebuild_tensor_v2").op("(")
                .op("(").string("storage").global("torch", "FloatStorage").string(storage(name))
                .string("cpu").integer(storages[storage(name)]?.count ?? 0).op("t").op("Q")
                .integer(0).tuple(tensor.shape).tuple(strides).op("N").op("N").op("t").op("R")
        }
        let keys = storages.keys.sorted()
        let list = keys.reduce(Pickle().op("]").op("(")) { $0.string($1) }.op("e").op(".")
        let magic: [UInt8] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
        var file = Pickle().raw(magic).op(".").bytes + Pickle().integer(1001).op(".").bytes
        file += Pickle().op("}").op(".").bytes + object.op("u").op(".").bytes + list.bytes
        for key in keys {
            let values = storages[key] ?? []
            file += Pickle.bytes(of: values.count)
            for value in values { file += Pickle.bytes(of: value.bitPattern) }
        }
        return try BiGSModel.inspect(
            checkpoint(weights: "pytorch_model.bin") { try Data(file).write(to: $0) }
        ).problems
    }
}

/// A pickle, one operation after the other.
private struct Pickle {
    var bytes: [UInt8] = [0x80, 2]

    static func bytes(of value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    func raw(_ bytes: [UInt8]) -> Pickle { Pickle(bytes: self.bytes + bytes) }
    func op(_ character: Character) -> Pickle { raw(Array(String(character).utf8)) }
    func global(_ module: String, _ name: String) -> Pickle {
        raw(Array("c\(module)\n\(name)\n".utf8))
    }
    func string(_ text: String) -> Pickle {
        raw([0x58] + Self.bytes(of: UInt32(text.utf8.count)) + Array(text.utf8))
    }
    func integer(_ value: Int) -> Pickle { raw([0x4A] + Self.bytes(of: Int32(value))) }
    func tuple(_ values: [Int]) -> Pickle {
        values.reduce(op("(")) { $0.integer($1) }.op("t")
    }
}
