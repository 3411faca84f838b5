import Foundation
import Hub

/// The models that come with the program, by their folders' names.
enum EmbeddedModel: String, CaseIterable {
    case embeddings = "bigs-mini"
    case sections = "bigs-mini-section"
}

/// Finds the model that a command is to use.
enum ModelLocator {
    enum LocationError: Error, CustomStringConvertible {
        case notFound(EmbeddedModel, searched: [String])
        case empty
        /// There is no such folder, and it may be the name of a model on a hub.
        case notFetched(String)

        var description: String {
            switch self {
            case .notFound(let model, let searched):
                "the embedded model \(model.rawValue) is not installed; name one with "
                    + "--model. Looked in:\n" + searched.map { "  \($0)" }.joined(separator: "\n")
            case .empty: "--model: the name cannot be empty"
            case .notFetched(let name):
                "there is no folder \(name), and no model of this name was fetched "
                    + "(bigs pull \(name))"
            }
        }
    }

    /// `name` as a path, or where there is no such folder, as the name of a model that `bigs pull`
    /// fetched, or as an embedded model's; without one, `embedded`. Embedded models are looked for
    /// beside the checkout that the program was built in, under the prefix that it was installed
    /// under, and in the current directory.
    static func directory(
        named name: String?, embedded: EmbeddedModel = .embeddings
    ) throws -> URL {
        var embedded = embedded
        if let name {
            if name.isEmpty { throw LocationError.empty }
            let path = URL(filePath: name, directoryHint: .isDirectory)
            if FileManager.default.fileExists(atPath: name) { return path }
            if let fetched = fetched(name) { return fetched }
            guard let model = EmbeddedModel(rawValue: name) else {
                if (try? HubRepository(name)) != nil { throw LocationError.notFetched(name) }
                return path
            }
            embedded = model
        }
        let candidates = candidates(executable: executable, embedded: embedded)
        for candidate in candidates
        where FileManager.default.fileExists(atPath: candidate.appending(path: "config.json").path)
        {
            return candidate
        }
        throw LocationError.notFound(embedded, searched: candidates.map(\.path))
    }

    /// Whether this is no path, but the name of a model that `bigs pull` fetched.
    static func isFetched(_ name: String) -> Bool {
        !FileManager.default.fileExists(atPath: name) && fetched(name) != nil
    }

    /// The folder of the model that `bigs pull` fetched by this name; nil where there is none.
    private static func fetched(_ name: String) -> URL? {
        let folder = (try? HubRepository(name))?.directory(ProcessInfo.processInfo.environment)
        guard let folder,
            FileManager.default.fileExists(atPath: folder.appending(path: "config.json").path)
        else { return nil }
        return folder
    }

    private static var executable: URL {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return URL(filePath: path ?? CommandLine.arguments.first ?? ".")
            .resolvingSymlinksInPath()
    }

    /// Folders to look in, nearest first: `Models/` in any folder above the program (a checkout),
    /// `share/bigs/Models/` in any folder above it (an installation), and `Models/` here.
    static func candidates(executable: URL, embedded: EmbeddedModel) -> [URL] {
        let name = embedded.rawValue
        var folders: [URL] = []
        var folder = executable.deletingLastPathComponent()
        for _ in 0..<8 {
            folders.append(folder.appending(path: "Models/\(name)"))
            folders.append(folder.appending(path: "share/bigs/Models/\(name)"))
            if folder.path == "/" { break }
            folder.deleteLastPathComponent()
        }
        let here = URL(filePath: FileManager.default.currentDirectoryPath)
        return folders + [here.appending(path: "Models/\(name)")]
    }
}
