import Checkpoints
import Crypto
import Foundation
import Synchronization

/// SHA-256 over the names, types, shapes and bytes of a checkpoint's tensors, made on a thread of its
/// own: it takes as long as everything else that loading a model does.
final class TensorDigest: Sendable {
    private let result = Mutex(Data())
    private let done = DispatchGroup()

    /// Starts at once.
    init(of checkpoint: Checkpoint) {
        done.enter()
        let thread = Thread { [self] in
            let digest = Self.digest(checkpoint)
            result.withLock { $0 = digest }
            done.leave()
        }
        thread.name = "bigs-digest"
        thread.start()
    }

    /// The digest, when it is made.
    func wait() -> Data {
        done.wait()
        return result.withLock { $0 }
    }

    private static func digest(_ checkpoint: Checkpoint) -> Data {
        var hash = SHA256()
        for name in checkpoint.tensors.keys.sorted() {
            guard let tensor = checkpoint.tensors[name] else { continue }
            let line = "\(name) \(tensor.type.rawValue) \(tensor.shape)"
            hash.update(data: Data("\(line.utf8.count):\(line)\n".utf8))
            tensor.withContiguousBytes { hash.update(bufferPointer: $0) }
        }
        return Data(hash.finalize())
    }
}
