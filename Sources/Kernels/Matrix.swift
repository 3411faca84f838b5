import CKernels
import Glibc
import Synchronization

/// A row-major float32 matrix [rows, columns] in memory aligned to 64 bytes.
///
/// It belongs to one workspace at a time and never grows. `rows` says how many of `rowCapacity` rows
/// are in use; dense projections may write finite but meaningless numbers into the rows after them.
package final class Matrix {
    /// The number of floats in a row.
    package let columns: Int
    /// How many rows there is room for: what was asked for, rounded up to `rowMultiple`.
    package let rowCapacity: Int
    /// The rows in use.
    package var rows: Int {
        didSet { precondition((0...rowCapacity).contains(rows), "more rows than the capacity") }
    }

    /// Rows come in groups of this many, so that few sizes of product exist.
    package static let rowMultiple = 16

    let base: UnsafeMutablePointer<Float>

    /// Room for `rowCapacity` rows, all zero; `rows` starts at `rowCapacity` as asked for.
    package init(rowCapacity: Int, columns: Int) {
        precondition(rowCapacity >= 0 && columns > 0, "a matrix needs columns")
        self.columns = columns
        self.rowCapacity = Self.padded(max(rowCapacity, 1))
        self.rows = rowCapacity
        base = allocateFloats(self.rowCapacity * columns)
    }

    /// A matrix of `values` (row-major), with exactly `values.count / columns` rows in use.
    package convenience init(_ values: [Float], columns: Int) {
        precondition(values.count % columns == 0, "values do not fill whole rows")
        self.init(rowCapacity: values.count / columns, columns: columns)
        values.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { base.update(from: start, count: source.count) }
        }
    }

    deinit { base.deallocateAligned() }

    /// `rows` rounded up to a multiple of `rowMultiple`.
    static func padded(_ rows: Int) -> Int { (rows + rowMultiple - 1) / rowMultiple * rowMultiple }

    /// Calls `body` with the `columns` floats of row `i`; the pointer must not outlive the call.
    package func withRow<R>(
        _ i: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
    ) rethrows -> R {
        precondition((0..<rows).contains(i), "row out of range")
        return try body(UnsafeMutableBufferPointer(start: base + i * columns, count: columns))
    }

    /// One number; checked, so not for loops over many.
    package subscript(row: Int, column: Int) -> Float {
        get {
            precondition((0..<rows).contains(row) && (0..<columns).contains(column))
            return base[row * columns + column]
        }
        set {
            precondition((0..<rows).contains(row) && (0..<columns).contains(column))
            base[row * columns + column] = newValue
        }
    }

    /// A copy of the rows in `range`, row-major.
    package func copyRows(_ range: Range<Int>) -> [Float] {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of range")
        let start = base + range.lowerBound * columns
        return Array(UnsafeBufferPointer(start: start, count: range.count * columns))
    }
}

/// `count` zeros at an address that is a multiple of 64; the caller frees them with `free`.
func allocateFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
    let floats = allocateUninitializedFloats(count)
    floats.initialize(repeating: 0, count: max(count, 1))
    return floats
}

/// The same with what happens to lie there.
func allocateUninitializedFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
    BufferCount.made.wrappingAdd(1, ordering: .relaxed)
    var raw: UnsafeMutableRawPointer?
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    let status = posix_memalign(&raw, 64, (bytes + 63) / 64 * 64)
    guard status == 0, let raw else { preconditionFailure("out of memory: \(bytes) bytes") }
    bigs_prefer_large_pages(raw, bytes)
    return raw.bindMemory(to: Float.self, capacity: max(count, 1))
}

/// How many buffers this process has made: a pass over lengths it has seen makes none.
package enum BufferCount {
    static let made = Atomic<Int>(0)

    /// All until now.
    package static var now: Int { made.load(ordering: .relaxed) }
}

extension UnsafeMutablePointer<Float> {
    /// Frees what `allocateFloats` gave.
    func deallocateAligned() { free(self) }
}

/// Floats: of a table, which are written while it is made and only read afterwards, or of work memory,
/// which one pass at a time has to itself.
final class FloatTable: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>

    init(count: Int) { base = allocateFloats(count) }

    /// Memory that is written whole before it is read.
    init(uninitialized count: Int) { base = allocateUninitializedFloats(count) }

    deinit { base.deallocateAligned() }
}
