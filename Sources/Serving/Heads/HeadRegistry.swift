import BiGSModel
package import Learning
import Synchronization

/// The trained heads that lie in some folders: read when they are first asked for, and again when
/// their files change.
package final class HeadRegistry: Sendable {
    private struct Place: Hashable {
        let folder: Int
        let name: String
    }

    private let folders: [HeadFolder]
    /// What came of reading a file, which is asked for again and again: a damaged one, too.
    private typealias Reading = (version: HeadVersion, head: Result<TrainedHead, DocumentError>)
    private let loaded = Mutex<[Place: Reading]>([:])

    /// The heads in `folders`, which need not be there.
    package init(folders: [HeadFolder] = []) { self.folders = folders }

    /// The names of the heads that fit a model, rising.
    package func names(for model: LoadedModel) -> [String] {
        let names = Set(folders.flatMap(\.names))
        return names.filter { (try? head(named: $0, for: model)) != nil }.sorted()
    }

    /// The head of this name for a model. Heads of another model are refused: their weights mean
    /// nothing on this one's vectors.
    package func head(
        named name: String, for model: LoadedModel
    ) throws(DocumentError) -> TrainedHead {
        var refusal: DocumentError?
        for index in folders.indices {
            do throws(DocumentError) {
                if let head = try head(Place(folder: index, name: name), for: model) { return head }
            } catch {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
        throw .noHead(name: String(name.prefix(100)), available: names(for: model))
    }

    /// Nil where the folder has no such file.
    private func head(
        _ place: Place, for model: LoadedModel
    ) throws(DocumentError) -> TrainedHead? {
        let folder = folders[place.folder]
        guard let version = folder.version(of: place.name) else { return nil }
        let reading: Reading
        if let known = loaded.withLock({ $0[place] }), known.version == version {
            reading = known
        } else {
            do {
                reading = (version, .success(try folder.read(place.name)))
            } catch {
                reading = (version, .failure(.badHead(name: place.name, reason: "\(error)")))
                // What could not be read may be the next time.
                if case .file = error { return try reading.head.get() }
            }
            loaded.withLock { $0[place] = reading }
        }
        let head = try reading.head.get()
        guard head.modelFingerprint == model.fingerprintText,
            head.head.dimensions == model.configuration.hiddenSize
        else {
            throw .badHead(
                name: place.name,
                reason:
                    "it was trained on vectors of the model \(head.modelFingerprint.prefix(16))…, "
                    + "and this one is \(model.fingerprintText.prefix(16))…; train it again with "
                    + "bigs head train")
        }
        return head
    }
}
