import Checkpoints
import Foundation

/// A file of a repository.
package struct HubFile: Sendable, Equatable {
    /// Its path in the repository, of plain names joined with "/".
    package let path: String
    /// In bytes.
    package let size: Int
    /// What its content has to be.
    let digest: HubDigest
}

/// The files of one commit of a repository that may belong to a model.
package struct HubListing: Sendable, Equatable {
    /// Whose files these are.
    package let repository: HubRepository
    /// The commit's hash: what the revision meant when the hub was asked.
    package let commit: String
    /// All of them, read or not.
    package let files: [HubFile]

    /// Reads what a hub answers to `/api/models/NAME/revision/REVISION?blobs=true`, whose address `url`
    /// is. Throws `HubError.answerInvalid` and `HubError.fileNameRefused`.
    init(_ answer: Data, repository: HubRepository, url: String) throws(HubError) {
        struct Answer: Decodable {
            struct Sibling: Decodable {
                struct LargeFile: Decodable {
                    let sha256: String
                    let size: Int
                }
                let rfilename: String
                let size: Int?
                let blobId: String?
                let lfs: LargeFile?
            }
            let sha: String
            let siblings: [Sibling]
        }
        let decoded: Answer
        do {
            decoded = try JSONDecoder().decode(Answer.self, from: answer)
        } catch {
            throw .answerInvalid(url: url, expected: "a model's 'sha' and 'siblings'")
        }
        guard Self.isHash(decoded.sha, digits: [40, 64]) else {
            throw .answerInvalid(url: url, expected: "a commit in 'sha'")
        }
        var files: [HubFile] = []
        var seen: Set<String> = []
        // What is never fetched may be called as it likes.
        for sibling in decoded.siblings where RepositoryFiles.mayBeRead(sibling.rfilename) {
            guard Self.isPlain(sibling.rfilename) else {
                throw .fileNameRefused(String(sibling.rfilename.prefix(300)))
            }
            guard seen.insert(sibling.rfilename).inserted else {
                throw .answerInvalid(
                    url: url, expected: "the file \(sibling.rfilename.prefix(300)) only once")
            }
            let size = sibling.lfs?.size ?? sibling.size
            let digest =
                sibling.lfs.map { HubDigest.sha256($0.sha256.lowercased()) }
                ?? sibling.blobId.map { HubDigest.gitBlob($0.lowercased()) }
            guard let size, size >= 0, let digest, Self.isHash(digest.text, digits: [digest.digits])
            else {
                throw .answerInvalid(
                    url: url,
                    expected: "a size and a digest of \(sibling.rfilename)")
            }
            files.append(HubFile(path: sibling.rfilename, size: size, digest: digest))
        }
        self.repository = repository
        self.commit = decoded.sha
        self.files = files
    }

    /// The file at `path`; nil where there is none.
    package func file(_ path: String) -> HubFile? { files.first { $0.path == path } }

    /// Whether a path can be joined to a folder and lies in it then.
    static func isPlain(_ path: String) -> Bool {
        path.utf8.count <= 1024
            && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
                !part.isEmpty && part != "." && part != ".." && part.utf8.count <= 240
                    && !part.unicodeScalars.contains { $0 == "\\" || $0.value < 0x20 }
            }
    }

    private static func isHash(_ text: String, digits: [Int]) -> Bool {
        digits.contains(text.utf8.count)
            && text.utf8.allSatisfy {
                ("0"..."9").contains(UnicodeScalar($0)) || ("a"..."f").contains(UnicodeScalar($0))
            }
    }
}
