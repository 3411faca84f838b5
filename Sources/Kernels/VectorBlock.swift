internal import CKernels

/// Rows of float32 beside 8-bit codes of them, in memory of their own: what a search scans. Rows are
/// only ever added.
///
/// Sendable because a row that was added is never changed, memory that holds one is not moved, and a
/// reader knows of a row only through a `VectorSet`, which is handed over after it was added.
final class VectorBlock: @unchecked Sendable {
    /// How many rows fit.
    static let capacity = 8192

    let columns: Int
    /// The length of a row of codes in bytes.
    let stride: Int
    let codes: UnsafeMutablePointer<Int8>
    let floats: UnsafeMutablePointer<Float>
    /// Of each row: its codes' unit, divided by its norm.
    let units: UnsafeMutablePointer<Float>
    /// Of each row: how far the codes are from it, divided by its norm, rounded up.
    let errors: UnsafeMutablePointer<Float>
    /// Of each row: its Euclidean norm.
    let norms: UnsafeMutablePointer<Double>
    private let memory: UnsafeMutableRawPointer
    private let byteCount: Int

    /// An empty block for rows of `columns` numbers; nil when there is no memory for it.
    init?(columns: Int) {
        self.columns = columns
        let unit = Int(BIGS_SCAN_STRIDE)
        stride = (columns + unit - 1) / unit * unit
        let capacity = Self.capacity
        // Each part is a multiple of 64 bytes long, so that all of them are aligned.
        let sizes = [stride * capacity, columns * capacity * 4, capacity * 4, capacity * 4]
        byteCount = sizes.reduce(0, +) + capacity * 8
        guard let memory = bigs_allocate_pages(byteCount) else { return nil }
        self.memory = memory
        var offset = 0
        func part<T>(_ size: Int, _ type: T.Type) -> UnsafeMutablePointer<T> {
            defer { offset += size }
            return (memory + offset).bindMemory(to: type, capacity: size / MemoryLayout<T>.stride)
        }
        codes = part(sizes[0], Int8.self)
        floats = part(sizes[1], Float.self)
        units = part(sizes[2], Float.self)
        errors = part(sizes[3], Float.self)
        norms = part(capacity * 8, Double.self)
    }

    deinit { bigs_free_pages(memory, byteCount) }

    /// Writes row `row`, of which nobody knows yet.
    func write(_ vector: UnsafeRawBufferPointer, row: Int) {
        precondition(row < Self.capacity && vector.count == columns * 4)
        let target = floats + row * columns
        UnsafeMutableRawPointer(target).copyMemory(
            from: vector.baseAddress.unsafelyUnwrapped, byteCount: vector.count)
        var (scale, norm, residual) = (Float(0), 0.0, 0.0)
        bigs_quantize_row(target, columns, stride, codes + row * stride, &scale, &norm, &residual)
        norms[row] = norm
        units[row] = norm > 0 ? Float(Double(scale) / norm) : 0
        errors[row] = norm > 0 ? Float(residual / norm).nextUp : 0
    }
}

/// A growing list of vectors of one length. A copy is a snapshot: what is added to another copy
/// later is not in it. Only the newest copy may be added to, by one thread at a time.
package struct VectorSet: Sendable {
    /// The length of each vector.
    package let columns: Int
    /// How many there are.
    package private(set) var count = 0
    private(set) var blocks: [VectorBlock] = []

    /// An empty list.
    package init(columns: Int) {
        precondition(columns > 0)
        self.columns = columns
    }

    /// Adds a vector: `columns` finite float32 numbers, at any alignment, in the machine's byte
    /// order. False when there is no memory for it.
    package mutating func append(_ vector: UnsafeRawBufferPointer) -> Bool {
        let row = count % VectorBlock.capacity
        if row == 0 {
            guard let block = VectorBlock(columns: columns) else { return false }
            blocks.append(block)
        }
        guard let block = blocks.last else { return false }
        block.write(vector, row: row)
        count += 1
        return true
    }

    /// The vector of a row.
    package func vector(_ row: Int) -> [Float] {
        precondition(row < count)
        let block = blocks[row / VectorBlock.capacity]
        let start = block.floats + row % VectorBlock.capacity * columns
        return Array(UnsafeBufferPointer(start: start, count: columns))
    }
}
