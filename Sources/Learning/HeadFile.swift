import Checkpoints
package import Foundation

/// A head as a file: `NAME.safetensors` with `weight` [K, D] and `bias` [K], float32, and everything
/// else as JSON in the header's metadata. One file, so that numbers and labels cannot disagree.
package enum HeadFile {
    private static let format = "bigs-head"
    private static let version = "1"
    /// The most labels and dimensions that a file may claim.
    private static let maximumSize = 1 << 20

    /// What the metadata's `head` holds.
    private struct Description: Codable {
        var name: String
        var kind: HeadKind
        var labels: [String]
        var dimensions: Int
        var modelFingerprint: String
        var training: TrainedHead.Training
    }

    /// The file of the head `name` in a folder of heads.
    package static func url(of name: String, in folder: URL) -> URL {
        folder.appending(path: "\(name).safetensors", directoryHint: .notDirectory)
    }

    /// Writes the head into `folder`, which is made when there is none, in the place of one of the same
    /// name. A reader sees the old file or the new one.
    package static func write(_ head: TrainedHead, in folder: URL) throws(HeadFileError) {
        let linear = head.head
        let description = Description(
            name: head.name, kind: linear.kind, labels: linear.labels,
            dimensions: linear.dimensions, modelFingerprint: head.modelFingerprint,
            training: head.training)
        do {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let json = try String(decoding: encoder.encode(description), as: UTF8.self)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try SafetensorsWriter.write(
                [
                    ("weight", [linear.labels.count, linear.dimensions], .float32(linear.weights)),
                    ("bias", [linear.labels.count], .float32(linear.bias)),
                ],
                metadata: ["format": format, "version": version, "head": json],
                to: url(of: head.name, in: folder))
        } catch {
            throw .file(error)
        }
    }

    /// Reads the file at `url` and checks that its parts fit together.
    package static func read(_ url: URL) throws(HeadFileError) -> TrainedHead {
        let path = url.path
        let file: SafetensorsFile
        do { file = try SafetensorsFile(url: url) } catch { throw .file(error) }
        guard file.metadata["format"] == format else {
            throw .notAHead(path: path, reason: "its metadata does not say format \"\(format)\"")
        }
        guard file.metadata["version"] == version else {
            throw .notAHead(
                path: path,
                reason: "it has version \(file.metadata["version"] ?? "none"); this program reads "
                    + version)
        }
        let description = try description(file, path: path)
        func inconsistent(_ reason: String) -> HeadFileError {
            .inconsistent(path: path, reason: reason)
        }
        let labels = description.labels
        guard TrainedHead.isValid(name: description.name),
            url.lastPathComponent == "\(description.name).safetensors"
        else { throw inconsistent("the head calls itself \"\(description.name.prefix(100))\"") }
        guard !labels.isEmpty, Set(labels).count == labels.count else {
            throw inconsistent("labels must be there and differ")
        }
        guard labels.count <= maximumSize, (1...maximumSize).contains(description.dimensions) else {
            throw inconsistent("it is too large")
        }
        guard description.modelFingerprint.utf8.count == 64,
            description.modelFingerprint.allSatisfy({ $0.isHexDigit && !$0.isUppercase })
        else { throw inconsistent("the model's fingerprint must have 64 hexadecimal digits") }
        let weights = try tensor(
            "weight", shape: [labels.count, description.dimensions], in: file, path: path)
        let bias = try tensor("bias", shape: [labels.count], in: file, path: path)
        return TrainedHead(
            name: description.name, modelFingerprint: description.modelFingerprint,
            head: LinearHead(
                kind: description.kind, labels: labels, dimensions: description.dimensions,
                weights: weights, bias: bias),
            training: description.training)
    }

    private static func description(
        _ file: SafetensorsFile, path: String
    ) throws(HeadFileError) -> Description {
        guard let json = file.metadata["head"] else {
            throw .notAHead(path: path, reason: "its metadata has no \"head\"")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Description.self, from: Data(json.utf8))
        } catch {
            throw .inconsistent(
                path: path, reason: "the metadata's \"head\" cannot be read: \(error)")
        }
    }

    private static func tensor(
        _ name: String, shape: [Int], in file: SafetensorsFile, path: String
    ) throws(HeadFileError) -> [Float] {
        guard let view = file.tensors[name] else {
            throw .inconsistent(path: path, reason: "the tensor \"\(name)\" is missing")
        }
        guard view.shape == shape else {
            throw .inconsistent(
                path: path, reason: "\"\(name)\": expected shape \(shape), got \(view.shape)")
        }
        let values: [Float]
        do { values = try view.floats() } catch { throw .file(error) }
        guard values.allSatisfy(\.isFinite) else {
            throw .inconsistent(path: path, reason: "\"\(name)\" has a number that is not finite")
        }
        return values
    }
}
