internal import CKernels
import Dispatch
import Synchronization

/// The exact nearest vectors by cosine.
///
/// A scan of the 8-bit codes, a quarter of the bytes, bounds each row's cosine from both sides; rows
/// whose upper bound reaches the k-th largest lower bound are then compared in double precision. With
/// v = row, c = its codes' vector, q = query, w = its 16-bit codes' vector:
///
///     |q.v - w.c| <= |q| |v - c| + |q - w| |c|        (Cauchy, Schwarz)
///
/// so no row that belongs to the result is left out.
package enum VectorScan {
    /// A row and its cosine with the query, in double precision.
    package struct Match: Sendable, Equatable {
        /// The row's number in the set.
        package let row: Int
        /// q.v / (|q| |v|); 0 where one of them has no length.
        package let score: Double
    }

    /// For what rounding to float32 does to a bound near 1: products, quotients, sums.
    fileprivate static let slop: Float = 2e-6

    /// Rows in one piece of work.
    private static let pieceRows = 2048

    /// The `topK` rows with the largest cosine, largest first, then by row; and every further row
    /// whose cosine is the same as that of the last of them, so that the caller can choose.
    /// - Parameters:
    ///   - mask: the rows that take part; nil is all.
    ///   - threads: how many work at once; the calling thread is one of them.
    package static func nearest(
        to query: [Float], in set: VectorSet, topK: Int, mask: RowMask? = nil, threads: Int = 1
    ) -> [Match] {
        precondition(query.count == set.columns && topK > 0 && threads > 0)
        guard set.count > 0 else { return [] }
        let coded = CodedQuery(query, stride: set.blocks[0].stride)
        let pieces = (set.count + pieceRows - 1) / pieceRows
        let workers = min(threads, pieces)
        let next = Atomic<Int>(0)
        let results = Mutex<[Candidates]>([])
        let work: @Sendable () -> Void = {
            var candidates = Candidates(topK: topK)
            var scratch = Scratch()
            while true {
                let piece = next.add(1, ordering: .relaxed).oldValue
                if piece >= pieces { break }
                let rows = piece * pieceRows..<min((piece + 1) * pieceRows, set.count)
                scan(rows, of: set, coded, mask: mask, into: &candidates, &scratch)
            }
            results.withLock { [candidates] in $0.append(candidates) }
        }
        if workers == 1 {
            work()
        } else {
            DispatchQueue.concurrentPerform(iterations: workers) { _ in work() }
        }
        return settle(results.withLock { $0 }, query: query, set: set, topK: topK)
    }

    private struct Scratch {
        var sums = [Int32](repeating: 0, count: pieceRows)
        var rows = [UInt32](repeating: 0, count: pieceRows)
    }

    private static func scan(
        _ rows: Range<Int>, of set: VectorSet, _ query: CodedQuery, mask: RowMask?,
        into candidates: inout Candidates, _ scratch: inout Scratch
    ) {
        let block = set.blocks[rows.lowerBound / VectorBlock.capacity]
        let base = rows.lowerBound / VectorBlock.capacity * VectorBlock.capacity
        let start = rows.lowerBound - base
        let wanted = mask.map { $0.count(in: rows) } ?? rows.count
        if wanted == 0 { return }
        func consider(_ row: Int, _ sum: Int32) {
            let middle = Float(sum) * query.unit * block.units[row]
            let error = block.errors[row] * query.looseness + query.error
            candidates.add(row: base + row, lower: middle - error, upper: middle + error)
        }
        // Few rows of many are fetched one by one.
        if let mask, wanted * 3 < rows.count {
            var count = 0
            mask.forEach(in: rows) { row in
                scratch.rows[count] = UInt32(row - base)
                count += 1
            }
            bigs_scan_codes_at(
                block.codes, block.stride, scratch.rows, count, query.codes, &scratch.sums)
            for index in 0..<count { consider(Int(scratch.rows[index]), scratch.sums[index]) }
            return
        }
        bigs_scan_codes(
            block.codes + start * block.stride, block.stride, rows.count, query.codes,
            &scratch.sums)
        if let mask {
            mask.forEach(in: rows) { consider($0 - base, scratch.sums[$0 - rows.lowerBound]) }
        } else {
            for index in 0..<rows.count { consider(start + index, scratch.sums[index]) }
        }
    }

    private static func settle(
        _ parts: [Candidates], query: [Float], set: VectorSet, topK: Int
    ) -> [Match] {
        var all = Candidates(topK: topK)
        for part in parts { all.merge(part) }
        let norm = bigs_dot_double(query, query, query.count).squareRoot()
        var matches = all.rows(reaching: all.threshold).map { row in
            let block = set.blocks[row / VectorBlock.capacity]
            let place = row % VectorBlock.capacity
            let lengths = norm * block.norms[place]
            guard lengths > 0 else { return Match(row: row, score: 0) }
            let dot = bigs_dot_double(query, block.floats + place * set.columns, set.columns)
            // Rounding may carry it past what a cosine can be.
            return Match(row: row, score: min(1, max(-1, dot / lengths)))
        }
        matches.sort { ($0.score, $1.row) > ($1.score, $0.row) }
        guard matches.count > topK else { return matches }
        let last = matches[topK - 1].score
        return Array(matches.prefix { $0.score >= last })
    }
}

/// A query in 16 bits, as finely as the sums of 32 bits allow.
private struct CodedQuery: Sendable {
    let codes: [Int16]
    /// The codes' unit, divided by the query's norm.
    let unit: Float
    /// What the query's own rounding adds to the error, and that of the bounds themselves.
    let error: Float
    /// What the error of a row is multiplied by: 1 and the same again.
    let looseness: Float

    init(_ query: [Float], stride: Int) {
        let largest = query.reduce(0) { max($0, abs($1)) }
        // |sum| <= stride * 127 * limit < 2^31.
        let limit = min(32_767, Double(Int32.max) / Double(stride * 127))
        let step = Double(largest) / limit.rounded(.down)
        var codes = [Int16](repeating: 0, count: stride)
        var (squares, residual) = (0.0, 0.0)
        for (index, value) in query.enumerated() {
            let code = step > 0 ? (Double(value) / step).rounded() : 0
            codes[index] = Int16(code)
            squares += Double(value) * Double(value)
            residual += (Double(value) - code * step) * (Double(value) - code * step)
        }
        self.codes = codes
        let norm = squares.squareRoot()
        let relative = norm > 0 ? Float(residual.squareRoot() / norm).nextUp : 0
        unit = norm > 0 ? Float(step / norm) : 0
        error = relative + VectorScan.slop
        looseness = 1 + relative + VectorScan.slop
    }
}

/// Rows that may be among the nearest: those whose upper bound reaches the k-th largest lower bound
/// seen so far.
private struct Candidates: Sendable {
    private let topK: Int
    /// The k largest lower bounds as a heap, the smallest first.
    private var lowers: [Float] = []
    private var kept: [(row: Int, upper: Float)] = []

    init(topK: Int) { self.topK = topK }

    /// What an upper bound has to reach.
    var threshold: Float { lowers.count < topK ? -.infinity : lowers[0] }

    @inline(__always)
    mutating func add(row: Int, lower: Float, upper: Float) {
        if upper < threshold { return }
        kept.append((row, upper))
        push(lower)
    }

    mutating func merge(_ other: Candidates) {
        for lower in other.lowers { push(lower) }
        kept += other.kept
    }

    func rows(reaching threshold: Float) -> [Int] {
        kept.lazy.filter { $0.upper >= threshold }.map(\.row)
    }

    private mutating func push(_ lower: Float) {
        if lowers.count < topK {
            lowers.append(lower)
            var child = lowers.count - 1
            while child > 0, lowers[child] < lowers[(child - 1) / 2] {
                lowers.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
        } else if lower > lowers[0] {
            lowers[0] = lower
            var parent = 0
            while true {
                let left = 2 * parent + 1
                if left >= lowers.count { break }
                let right = left + 1
                let child = right < lowers.count && lowers[right] < lowers[left] ? right : left
                if lowers[parent] <= lowers[child] { break }
                lowers.swapAt(parent, child)
                parent = child
            }
        }
    }
}
