import ArgumentParser
import DocumentStore
import Foundation
import HTTPAPI
import Serving

/// Opens the stores that commands name.
enum StoreAccess {
    /// What `--store` is where nothing is to be kept.
    static let none = "none"

    struct MissingFile: Error, CustomStringConvertible {
        let path: String
        var description: String { "there is no store at \(path)" }
    }

    /// The store at `path`, which has to be there unless it may be made; its text index is made anew
    /// where `tokenizer` is another than the one it has.
    static func open(
        _ path: String, create: Bool = false, tokenizer: TextIndexTokenizer? = nil
    ) throws -> EncodingStore {
        if path == none { throw ValidationError("--store: none keeps nothing; name a file") }
        if !create, !FileManager.default.fileExists(atPath: path) { throw MissingFile(path: path) }
        // A server may be writing.
        return try EncodingStore.open(
            path: path, logger: ModelSession.logger,
            options: StoreOptions(busyTimeout: 30, tokenizer: tokenizer))
    }

    /// Says how many documents these models do not find by meaning, and what helps; nil where they find
    /// all.
    static func warning(
        of store: EncodingStore, models: [LoadedModel]
    ) async throws -> String? {
        let count = try await store.documentCount(lacking: models.map(\.fingerprint))
        guard count > 0 else { return nil }
        let documents = count == 1 ? "1 document has" : "\(count) documents have"
        return DocumentSearch.ofOtherModels(documents)
    }

    /// The filter that a flag gives as JSON; nil without one.
    static func filter(_ json: String?) throws -> MetadataFilter? {
        guard let json else { return nil }
        let value: MetadataValue
        do {
            value = try MetadataValue(json: json)
        } catch {
            throw ValidationError("--filter\(error): \(json.prefix(200))")
        }
        do {
            return try MetadataFilter(value)
        } catch {
            throw ValidationError("--filter: \(error)")
        }
    }
}
