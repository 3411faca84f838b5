package import Foundation

/// A model's repository on a hub and the state of it that is meant.
package struct HubRepository: Sendable, Equatable {
    /// `OWNER/NAME`, or one name for the oldest models.
    package let name: String
    /// A branch, a tag or a commit.
    package let revision: String

    /// Throws `HubError.repositoryInvalid` where `name` is not one that a hub gives (letters, digits,
    /// "-", "_" and ".", not at an end, no ".." or "--", at most 96 of them in each part), and
    /// `HubError.revisionInvalid`.
    package init(_ name: String, revision: String = "main") throws(HubError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy(Self.isName) else {
            throw .repositoryInvalid(name)
        }
        guard !revision.isEmpty, revision.utf8.count <= 256,
            revision.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !revision.contains("..")
        else { throw .revisionInvalid(revision) }
        self.name = name
        self.revision = revision
    }

    private static func isName(_ part: Substring) -> Bool {
        guard let first = part.first, let last = part.last, part.utf8.count <= 96 else {
            return false
        }
        return part.utf8.allSatisfy { allowed.contains($0) }
            && !"-.".contains(first) && !"-.".contains(last)
            && !part.contains("..") && !part.contains("--")
    }

    private static let allowed = Set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.".utf8)

    /// The folder that models are kept in by name: `$XDG_DATA_HOME/bigs/models`, by default
    /// `~/.local/share/bigs/models`.
    package static func folder(_ environment: [String: String]) -> URL {
        let data =
            environment["XDG_DATA_HOME"].flatMap { $0.hasPrefix("/") ? URL(filePath: $0) : nil }
            ?? URL(filePath: environment["HOME"] ?? NSHomeDirectory())
            .appending(path: ".local/share")
        return data.appending(path: "bigs/models", directoryHint: .isDirectory)
    }

    /// Where this model is kept unless somebody says otherwise.
    package func directory(_ environment: [String: String]) -> URL {
        Self.folder(environment).appending(path: name, directoryHint: .isDirectory)
    }
}
