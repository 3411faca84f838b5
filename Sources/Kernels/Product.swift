internal import COneDNN
import Synchronization

/// One shape's primitives: as many as ever ran at once. A runner belongs to whoever took it.
final class Product: Sendable {
    private struct Runner: @unchecked Sendable {  // Used by one thread between take and put.
        let matmul: UnsafeMutablePointer<bigs_matmul>
    }

    /// The buffers of one run, whose sizes the caller has checked.
    struct Buffers {
        var input: UnsafePointer<Float>
        var weights: dnnl_memory_t
        var bias: dnnl_memory_t?
        var output: UnsafeMutablePointer<Float>
    }

    private let shape: ProductShape
    private let layout: WeightLayout
    private let idle: Mutex<[Runner]>

    init(_ shape: ProductShape, layout: WeightLayout) {
        self.shape = shape
        self.layout = layout
        idle = Mutex([])
    }

    deinit {
        idle.withLock { runners in
            for runner in runners { bigs_matmul_destroy(runner.matmul) }
        }
    }

    /// output = operations(input * weights).
    func run(_ buffers: Buffers) {
        let runner = idle.withLock { $0.popLast() } ?? make()
        let scratch = ScratchPool.shared.take(bytes: runner.matmul.pointee.scratch_bytes)
        var native = bigs_matmul_buffers(
            input: buffers.input, weights: buffers.weights, bias: buffers.bias,
            output: buffers.output, scratch: scratch.base)
        OneDNN.check(bigs_matmul_run(runner.matmul, &native), "run a product")
        ScratchPool.shared.put(scratch)
        idle.withLock { $0.append(runner) }
    }

    private func make() -> Runner {
        var native = shape.native
        var status = dnnl_success
        let made = bigs_matmul_create(OneDNN.engine, &native, layout.descriptor, &status)
        OneDNN.check(status, "make the product \(shape)")
        guard let made else { preconditionFailure("oneDNN gave no product") }
        return Runner(matmul: made)
    }
}

/// All products of this process by shape.
final class ProductCache: Sendable {
    static let shared = ProductCache()
    private let products = Mutex<[ProductShape: Product]>([:])

    /// The product of this shape with weights that lie as `PackedLayouts` says.
    func product(_ shape: ProductShape) -> Product {
        products.withLock { products in
            if let found = products[shape] { return found }
            let made = Product(
                shape,
                layout: PackedLayouts.shared.layout(inputs: shape.inner, outputs: shape.columns))
            products[shape] = made
            return made
        }
    }
}

/// How a weight matrix lies in memory. Immutable, and oneDNN's descriptors may be read anywhere.
final class WeightLayout: @unchecked Sendable {
    let descriptor: UnsafeMutablePointer<bigs_descriptor>

    init(_ descriptor: UnsafeMutablePointer<bigs_descriptor>?) {
        guard let descriptor else { preconditionFailure("oneDNN cannot describe a matrix") }
        self.descriptor = descriptor
    }

    deinit { bigs_descriptor_destroy(descriptor) }

    /// Plain row-major [rows, columns].
    static func plain(rows: Int, columns: Int) -> WeightLayout {
        strided(rows: rows, columns: columns, rowStride: columns, columnStride: 1)
    }

    static func strided(
        rows: Int, columns: Int, rowStride: Int, columnStride: Int
    ) -> WeightLayout {
        WeightLayout(
            bigs_descriptor_strided(
                Int64(rows), Int64(columns), Int64(rowStride), Int64(columnStride)))
    }

    var bytes: Int { bigs_descriptor_bytes(descriptor) }
}
