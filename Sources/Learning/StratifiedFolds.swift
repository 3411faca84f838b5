internal import Kernels

/// Rows dealt into folds so that each has its share of every label: deterministic.
///
/// Rows are grouped by their set of labels and shuffled within each group by a fixed seed; then they are
/// dealt out in turn, one after the other through all groups, rarest first. A set of labels that at least
/// two rows have is therefore never in one fold alone.
package struct StratifiedFolds: Sendable {
    /// The rows of each fold, rising.
    package let folds: [[Int]]

    /// - Parameters:
    ///   - targets: label indices of each row.
    ///   - count: how many folds, 2 or more; there are never more than rows.
    package init(_ targets: [[Int]], count: Int) {
        precondition(count >= 2)
        let count = max(min(count, targets.count), 1)
        var groups: [[Int]: [Int]] = [:]
        for (row, labels) in targets.enumerated() { groups[labels, default: []].append(row) }
        let order = groups.sorted { a, b in
            (a.value.count, a.value[0]) < (b.value.count, b.value[0])
        }
        var folds = Array(repeating: [Int](), count: count)
        var generator = SplitMix64(seed: 0x6269_6773)
        var next = 0
        for (_, rows) in order {
            for row in rows.shuffled(using: &generator) {
                folds[next % count].append(row)
                next += 1
            }
        }
        self.folds = folds.map { $0.sorted() }
    }

    /// Every row that is not in fold `index`, rising.
    func others(than index: Int) -> [Int] {
        folds.indices.filter { $0 != index }.flatMap { folds[$0] }.sorted()
    }
}
