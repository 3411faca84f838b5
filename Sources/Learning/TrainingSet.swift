/// What a head is fitted on: N vectors of D numbers, each with its labels.
package struct TrainingSet: Sendable {
    /// Whether a row has one label or any number.
    package let kind: HeadKind
    /// K different names; those of `targets` are indices into them.
    package let labels: [String]
    /// D.
    package let dimensions: Int
    /// [N, D], row-major, finite.
    package let vectors: [Float]
    /// The labels of each row, rising: exactly one for softmax.
    package let targets: [[Int]]

    /// N.
    package var count: Int { targets.count }

    /// Checks and takes the rows.
    ///
    /// - Parameter minimumCount: how many rows each label needs, 2 at least: with fewer it could not
    ///   be judged on rows that it was not fitted on.
    package init(
        kind: HeadKind, labels: [String], dimensions: Int, vectors: [Float], targets: [[Int]],
        minimumCount: Int = 2
    ) throws(LearningError) {
        precondition(dimensions > 0 && vectors.count == targets.count * dimensions)
        precondition(targets.allSatisfy { $0.allSatisfy(labels.indices.contains) })
        precondition(kind == .sigmoid || targets.allSatisfy { $0.count == 1 })
        guard Set(labels).count == labels.count else { throw .labelsRepeat }
        guard labels.count >= (kind == .softmax ? 2 : 1) else {
            throw .tooFewLabels(kind: kind, labels: labels)
        }
        guard vectors.allSatisfy(\.isFinite) else { throw .notFinite }
        var counts = Array(repeating: 0, count: labels.count)
        for label in targets.joined() { counts[label] += 1 }
        let rare = labels.indices.filter { counts[$0] < max(minimumCount, 2) }
        guard rare.isEmpty else {
            throw .tooFewRows(
                labels: rare.map { (labels[$0], counts[$0]) }, minimum: max(minimumCount, 2))
        }
        let everywhere = labels.indices.filter { counts[$0] == targets.count }
        if kind == .sigmoid, let label = everywhere.first { throw .alwaysTrue(labels[label]) }
        self.kind = kind
        self.labels = labels
        self.dimensions = dimensions
        self.vectors = vectors
        self.targets = targets
    }

    private init(_ whole: TrainingSet, rows: [Int]) {
        kind = whole.kind
        labels = whole.labels
        dimensions = whole.dimensions
        targets = rows.map { whole.targets[$0] }
        var chosen: [Float] = []
        chosen.reserveCapacity(rows.count * whole.dimensions)
        for row in rows { chosen += whole.vector(row) }
        vectors = chosen
    }

    /// Some of the rows, in the order given. A label may be missing among them.
    func subset(_ rows: [Int]) -> TrainingSet { TrainingSet(self, rows: rows) }

    /// One row, [D].
    package func vector(_ row: Int) -> ArraySlice<Float> {
        vectors[row * dimensions..<(row + 1) * dimensions]
    }
}

/// Why a head cannot be fitted.
package enum LearningError: Error, Sendable, CustomStringConvertible {
    /// The same label twice.
    case labelsRepeat
    /// There is nothing to tell apart.
    case tooFewLabels(kind: HeadKind, labels: [String])
    /// Labels with too few rows, and how many they have.
    case tooFewRows(labels: [(String, Int)], minimum: Int)
    /// A label that every row has.
    case alwaysTrue(String)
    /// A vector has a NaN or an infinity.
    case notFinite

    package var description: String {
        switch self {
        case .labelsRepeat: return "a label is named twice"
        case .tooFewLabels(.softmax, let labels):
            let found = labels.first.map { "only \"\($0)\"" } ?? "none"
            return "softmax needs two labels to choose from; found \(found)"
        case .tooFewLabels(.sigmoid, _): return "there is no label to learn"
        case .tooFewRows(let labels, let minimum):
            let list = labels.prefix(10).map { "\"\($0.0)\" (\($0.1))" }.joined(separator: ", ")
            let more = labels.count > 10 ? " and \(labels.count - 10) more" : ""
            return "each label needs \(minimum) documents; too few have \(list)\(more)"
        case .alwaysTrue(let label): return "every document has the label \"\(label)\""
        case .notFinite: return "a vector has a number that is not finite"
        }
    }
}
