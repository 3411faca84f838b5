internal import CKernels

/// How the numbers of a row lie in memory.
package enum Storage: Sendable {
    case float32, bfloat16

    var bytes: Int { self == .float32 ? 4 : 2 }
    var native: bigs_type { self == .float32 ? bigs_float32 : bigs_bfloat16 }
}

/// Some rows of a `Matrix` or of `Activations`: where they lie, not the memory itself. Valid as long
/// as whoever gave it; kernels that run on several threads each write rows of their own.
package struct Rows: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let storage: Storage
    /// Bytes from one row to the next.
    let stride: Int
    /// Numbers in a row.
    package let columns: Int
    /// How many rows these are.
    package let count: Int

    /// The bytes of the numbers.
    var bytes: Int { count * columns * storage.bytes }

    /// Whether both have the same shape and kind of numbers.
    func isLike(_ other: Rows) -> Bool {
        columns == other.columns && count == other.count && storage == other.storage
    }

    /// The first number, of rows of float32.
    var floats: UnsafeMutablePointer<Float> {
        precondition(storage == .float32, "these rows are not float32")
        return base.assumingMemoryBound(to: Float.self)
    }
}

/// Rows [capacity, columns] that flow between the layers of one pass; zero at first.
///
/// It belongs to one workspace. A row starts a cache line, an odd number of them from the last one:
/// neighbours in a column would compete for few sets of the cache otherwise.
package final class Activations {
    /// Numbers in a row.
    package let columns: Int
    /// Rows that there is room for.
    package let rowCapacity: Int
    private let storage: Storage
    private let stride: Int
    private let memory: FloatTable

    /// Room for `rowCapacity` rows as `precision` stores them.
    package init(rowCapacity: Int, columns: Int, precision: Precision) {
        self.columns = columns
        self.rowCapacity = rowCapacity
        storage = precision.storage
        let bytes = columns * storage.bytes
        if Processor.isVectorised {
            stride = 64 * ((bytes + 63) / 64 | 1)
        } else {
            stride = bytes  // oneDNN takes contiguous rows, in sixteens.
        }
        memory = FloatTable(count: Matrix.padded(max(rowCapacity, 1)) * stride / 4)
    }

    /// The rows of `range`.
    package subscript(range: Range<Int>) -> Rows {
        precondition(range.lowerBound >= 0 && range.upperBound <= rowCapacity, "rows out of range")
        return Rows(
            base: UnsafeMutableRawPointer(memory.base) + range.lowerBound * stride,
            storage: storage, stride: stride, columns: columns, count: range.count)
    }
}

extension Matrix {
    /// The rows of `range`, which may go beyond `rows` as far as the capacity.
    package subscript(range: Range<Int>) -> Rows {
        precondition(range.lowerBound >= 0 && range.upperBound <= rowCapacity, "rows out of range")
        return Rows(
            base: UnsafeMutableRawPointer(base + range.lowerBound * columns), storage: .float32,
            stride: 4 * columns, columns: columns, count: range.count)
    }
}
