import Crypto
import Foundation

/// What a hub says about a file's content.
enum HubDigest: Sendable, Equatable {
    /// SHA-256 of the content, of files in Git LFS or Xet.
    case sha256(String)
    /// Git's name of the content: SHA-1 of "blob ", its length in decimal, a zero byte and itself.
    case gitBlob(String)

    /// In lower-case hexadecimal.
    var text: String {
        switch self {
        case .sha256(let text), .gitBlob(let text): text
        }
    }

    var digits: Int {
        switch self {
        case .sha256: 64
        case .gitBlob: 40
        }
    }

    /// A fresh computation of a digest of this kind over `size` bytes.
    func computation(size: Int) -> DigestComputation {
        switch self {
        case .sha256: DigestComputation(hash: .sha256(SHA256()))
        case .gitBlob: DigestComputation(gitBlobOf: size)
        }
    }
}

/// A digest of bytes that come piece by piece.
struct DigestComputation: Sendable {
    enum Hash: Sendable {
        case sha256(SHA256)
        case sha1(Insecure.SHA1)
    }

    private var hash: Hash
    /// How many bytes of content were added.
    private(set) var count = 0

    init(hash: Hash) { self.hash = hash }

    init(gitBlobOf size: Int) {
        var sha1 = Insecure.SHA1()
        sha1.update(data: Data("blob \(size)\0".utf8))
        hash = .sha1(sha1)
    }

    mutating func add(_ data: Data) {
        count += data.count
        switch hash {
        case .sha256(var sha256):
            sha256.update(data: data)
            hash = .sha256(sha256)
        case .sha1(var sha1):
            sha1.update(data: data)
            hash = .sha1(sha1)
        }
    }

    /// The digest of all that was added, in lower-case hexadecimal.
    var text: String {
        switch hash {
        case .sha256(let sha256): Self.hexadecimal(sha256.finalize())
        case .sha1(let sha1): Self.hexadecimal(sha1.finalize())
        }
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
