internal import COneDNN
import Synchronization

/// What all products by oneDNN share.
enum OneDNN {
    /// The processor as oneDNN's engine. oneDNN's engines may be used from any thread.
    nonisolated(unsafe) static let engine: dnnl_engine_t = {
        var engine: dnnl_engine_t?
        check(dnnl_engine_create(&engine, dnnl_cpu, 0), "create an engine")
        guard let engine else { preconditionFailure("oneDNN gave no engine") }
        return engine
    }()

    /// Stops the process where oneDNN fails: only memory that ran out or a bug gets here.
    static func check(_ status: dnnl_status_t, _ action: String) {
        precondition(status == dnnl_success, "oneDNN cannot \(action): status \(status.rawValue)")
    }
}

/// Scratch memory for products in flight, kept for the next.
final class ScratchPool: Sendable {
    struct Block: @unchecked Sendable {  // Whoever took the block is its only user.
        var base: UnsafeMutablePointer<Float>
        var floats: Int
    }

    static let shared = ScratchPool()
    private let free = Mutex<[Block]>([])

    /// A block of at least `bytes`, aligned to 64.
    func take(bytes: Int) -> Block {
        let floats = (bytes + 3) / 4
        let found = free.withLock { blocks in blocks.popLast() }
        if let found {
            if found.floats >= floats { return found }
            found.base.deallocateAligned()
        }
        return Block(base: allocateFloats(floats), floats: floats)
    }

    /// Gives a block back.
    func put(_ block: Block) { free.withLock { $0.append(block) } }
}

/// What oneDNN needs to know to make a product; equal shapes share primitives.
struct ProductShape: Hashable {
    var rows: Int
    var inner: Int
    var columns: Int
    var hasBias: Bool
    var activation: Activation

    var native: bigs_matmul_shape {
        let (kind, alpha) = activation.algorithm
        return bigs_matmul_shape(
            rows: Int64(rows), inner: Int64(inner), columns: Int64(columns),
            has_bias: hasBias ? 1 : 0, activation: kind, alpha: alpha, input_type: 0,
            weights_type: 0, output_type: 0)
    }
}
