import BiGSModel
import Checkpoints
import Foundation
import TestSupport

/// A copy of a golden checkpoint in memory, to be changed and written to a folder of its own that
/// goes away with the value.
final class EditedCheckpoint {
    private let folder: URL
    /// Tensors by name.
    var tensors: [String: (shape: [Int], values: [Float])] = [:]
    /// Integer tensors by name.
    var integers: [String: (shape: [Int], values: [Int64])] = [:]
    /// The fields of config.json.
    var configuration: [String: Any] = [:]
    /// The framework that the file says it was saved by.
    var metadata: [String: String]

    /// Copies the checkpoint at `path` below the fixtures of the golden vectors.
    init(_ path: String) throws {
        let source = try Checkpoint(directory: Fixtures.url("goldens/\(path)"))
        metadata = source.format == .flax ? ["format": "flax"] : ["format": "pt"]
        for (name, tensor) in source.tensors {
            if tensor.type.isFloatingPoint {
                tensors[name] = (tensor.shape, try tensor.floats())
            } else {
                integers[name] = (tensor.shape, try tensor.integers())
            }
        }
        let fields = try JSONSerialization.jsonObject(with: source.configuration)
        configuration = fields as? [String: Any] ?? [:]
        folder = FileManager.default.temporaryDirectory.appending(
            path: "bigs-model-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Writes config.json and model.safetensors and opens them.
    func checkpoint() throws -> Checkpoint {
        try checkpoint(weights: "model.safetensors", writeSafetensors)
    }

    /// Writes config.json, has the file of the weights written, and opens both.
    func checkpoint(weights name: String, _ write: (URL) throws -> Void) throws -> Checkpoint {
        try JSONSerialization.data(withJSONObject: configuration).write(
            to: folder.appending(path: "config.json"))
        try write(folder.appending(path: name))
        return try Checkpoint(directory: folder)
    }

    private func writeSafetensors(_ url: URL) throws {
        var list: [(name: String, shape: [Int], values: SafetensorsWriter.Values)] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            list.append((name, tensor.shape, .float32(tensor.values)))
        }
        for (name, tensor) in integers.sorted(by: { $0.key < $1.key }) {
            list.append((name, tensor.shape, .int64(tensor.values)))
        }
        try SafetensorsWriter.write(list, metadata: metadata, to: url)
    }

    /// Opens what was written as a model.
    func model(options: ModelOptions = ModelOptions()) throws -> BiGSModel {
        try BiGSModel.load(checkpoint(), options: options)
    }

    /// The problems that `inspect` finds.
    func problems() throws -> [ModelProblem] { try BiGSModel.inspect(checkpoint()).problems }

    /// The values of one tensor, empty where there is none of that name.
    func values(_ name: String) -> [Float] { tensors[name]?.values ?? [] }
}
