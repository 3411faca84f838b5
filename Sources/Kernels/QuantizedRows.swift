internal import CKernels

/// Rows of bfloat16 as unsigned bytes, each with the scale and the zero of its own: the input of
/// products of 8 bits. Holds memory of the pool until `release`.
struct QuantizedRows {
    let numbers: UnsafeMutablePointer<UInt8>
    let stride: Int
    let scales: UnsafeMutablePointer<Float>
    let zeros: UnsafeMutablePointer<Int32>
    private let block: ScratchPool.Block

    /// Quantizes `rows` on this thread or, in a shared tile, on all.
    init(_ rows: Rows, in tile: RowTile) {
        precondition(rows.storage == .bfloat16)
        let lines = (rows.columns + 63) / 64
        stride = 64 * (lines % 16 == 0 ? lines + 1 : lines)
        let count = (rows.count + 15) / 16 * 16
        block = ScratchPool.shared.take(bytes: count * (stride + 8))
        scales = block.base
        let raw = UnsafeMutableRawPointer(block.base)
        zeros = (raw + 4 * count).assumingMemoryBound(to: Int32.self)
        numbers = (raw + 8 * count).assumingMemoryBound(to: UInt8.self)
        if tile.isShared {
            RowBlocks.run(
                Task(quantized: self, rows: rows), rows: rows.count, columns: rows.columns)
        } else {
            fill(0..<rows.count, rows)
        }
    }

    private struct Task: RowBlockTask {
        let quantized: QuantizedRows
        let rows: Rows

        func run(_ range: Range<Int>) { quantized.fill(range, rows) }
    }

    private func fill(_ range: Range<Int>, _ rows: Rows) {
        let first = range.lowerBound
        bigs_quantize_rows(
            (rows.base + first * rows.stride).assumingMemoryBound(to: UInt16.self), rows.stride,
            range.count, rows.columns, numbers + first * stride, stride, scales + first,
            zeros + first)
    }

    /// Gives the memory back; nothing of it may be used afterwards.
    func release() { ScratchPool.shared.put(block) }
}
