import ArgumentParser
import DocumentStore
import Foundation

/// Opens the stores that commands name.
enum StoreAccess {
    struct MissingFile: Error, CustomStringConvertible {
        let path: String
        var description: String { "there is no store at \(path)" }
    }

    /// The store at `path`, which has to be there unless it may be made; its text index is made anew
    /// where `tokenizer` is another than the one it has.
    static func open(
        _ path: String, create: Bool = false, tokenizer: TextIndexTokenizer? = nil
    ) throws -> EncodingStore {
        if !create, !FileManager.default.fileExists(atPath: path) { throw MissingFile(path: path) }
        // A server may be writing.
        return try EncodingStore.open(
            path: path, logger: ModelSession.logger,
            options: StoreOptions(busyTimeout: 30, tokenizer: tokenizer))
    }

    /// The filter that a flag gives as JSON; nil without one.
    static func filter(_ json: String?) throws -> MetadataFilter? {
        guard let json else { return nil }
        let value: MetadataValue
        do {
            value = try JSONDecoder().decode(MetadataValue.self, from: Data(json.utf8))
        } catch {
            throw ValidationError("--filter: is not JSON: \(json.prefix(200))")
        }
        do {
            return try MetadataFilter(value)
        } catch {
            throw ValidationError("--filter: \(error)")
        }
    }
}
