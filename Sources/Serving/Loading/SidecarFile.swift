import Checkpoints
import Foundation

/// The small JSON files that sentence-transformers puts beside a model's weights.
enum SidecarFile {
    /// What such a file may have at most, in bytes.
    private static let sizeLimit = 1 << 20

    /// What the file at `path` of a directory says; nil where there is none. Throws
    /// `ModelLoadingError.badFile`.
    static func read<Value: Decodable>(
        _ type: Value.Type, _ path: String, in directory: URL,
        keys: JSONDecoder.KeyDecodingStrategy = .useDefaultKeys
    ) throws(ModelLoadingError) -> Value? {
        let url = directory.appending(path: path)
        guard FilePresence.isEntry(url) else { return nil }
        let file: MappedFile
        do { file = try MappedFile(url) } catch { throw .checkpoint(error) }
        guard file.count <= sizeLimit else {
            throw .badFile(
                path: url.path,
                reason: "has \(file.count) bytes; at most \(sizeLimit) are read of such a file")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = keys
        do {
            return try decoder.decode(
                Value.self, from: file.withUnsafeBytes(in: 0..<file.count) { Data($0) })
        } catch {
            throw .badFile(path: url.path, reason: reason(of: error))
        }
    }

    private static func reason(of error: any Error) -> String {
        switch error {
        case DecodingError.dataCorrupted: "is not JSON"
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context):
            context.codingPath.map(\.stringValue).joined(separator: ".")
                + (context.codingPath.isEmpty ? "" : ": ") + context.debugDescription
        default: "\(error)"
        }
    }
}
