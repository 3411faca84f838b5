import Checkpoints
import Crypto
import Foundation
import Synchronization

/// Why a list of keys cannot be used. A key itself is never part of a message.
package enum APIKeyError: Error, Equatable, Sendable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case tooLarge(path: String)
    case notText(path: String)
    case noKey(path: String)
    /// A key with characters that no `Authorization` header can carry; `line` counts from 1.
    case badKey(path: String, line: Int)
    /// The same in a key given as a flag.
    case badFlag

    package var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): \(reason)"
        case .tooLarge(let path): "\(path): more than \(APIKeys.maximumFileBytes) bytes"
        case .notText(let path): "\(path): not UTF-8"
        case .noKey(let path): "\(path): has no key in it"
        case .badKey(let path, let line):
            "\(path), line \(line): a key is 1 to 1,024 visible ASCII characters without spaces"
        case .badFlag:
            "--api-key: a key is 1 to 1,024 visible ASCII characters without spaces"
        }
    }
}

/// The keys that open the service; without any, it is open.
///
/// What is kept and compared is SHA-256 of the keys: every comparison takes the same time, whatever
/// was sent and whichever key it is.
package final class APIKeys: Sendable {
    static let maximumFileBytes = 1 << 20

    private let digests: Mutex<[SHA256Digest]>

    /// - Throws: `APIKeyError.badFlag`.
    package init(_ keys: [String] = []) throws(APIKeyError) {
        guard keys.allSatisfy(Self.isKey) else { throw .badFlag }
        digests = Mutex(keys.map(Self.digest))
    }

    /// No key is asked for.
    package static let none = APIKeys()

    private init() { digests = Mutex([]) }

    /// Whether there are keys.
    package var isRequired: Bool { digests.withLock { !$0.isEmpty } }

    /// Replaces all keys at once.
    /// - Throws: `APIKeyError.badFlag`; the old keys stay.
    package func replace(with keys: [String]) throws(APIKeyError) {
        guard keys.allSatisfy(Self.isKey) else { throw .badFlag }
        let new = keys.map(Self.digest)
        digests.withLock { $0 = new }
    }

    /// Whether an `Authorization` header carries one of the keys (`Bearer KEY`).
    func accepts(authorization: String?) -> Bool {
        guard let authorization, authorization.utf8.count <= 2_048 else { return false }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
        let given = Self.digest(parts[1].trimmingCharacters(in: .whitespaces))
        return digests.withLock { digests in
            // No early end: the time must not tell which key it was. `==` of digests is constant.
            digests.reduce(false) { found, digest in digest == given || found }
        }
    }

    /// The keys in a file: one a line; empty lines and lines that start with `#` do not count.
    /// - Throws: `APIKeyError` that names the file and the line.
    package static func read(file path: String) throws(APIKeyError) -> [String] {
        let data: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            data = try handle.read(upToCount: maximumFileBytes + 1) ?? Data()
        } catch {
            throw .unreadable(path: path, reason: SystemReason.text(of: error))
        }
        guard data.count <= maximumFileBytes else { throw .tooLarge(path: path) }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .notText(path: path)
        }
        var keys: [String] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let key = line.trimmingCharacters(in: .whitespaces)
            if key.isEmpty || key.hasPrefix("#") { continue }
            guard isKey(key) else { throw .badKey(path: path, line: index + 1) }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw .noKey(path: path) }
        return keys
    }

    private static func isKey(_ key: String) -> Bool {
        (1...1_024).contains(key.utf8.count) && key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func digest(_ key: String) -> SHA256Digest {
        SHA256.hash(data: Array(key.utf8))
    }
}
