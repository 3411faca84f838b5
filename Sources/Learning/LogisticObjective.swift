import Kernels

/// The loss of a linear head, and its gradient: mean cross-entropy plus an L2 penalty on the weights
/// (not on the bias),
///
///     f(W, b) = 1/N ( sum over n of loss(W x_n + b, y_n) + |W|^2 / (2 C) ),
///
/// the objective of scikit-learn's `LogisticRegression(C=C)`, divided by C N. Parameters are one list:
/// W [K, D] row-major, then b [K].
///
/// Products run in float32 through `Kernels`, whose rows have the same bits for any number of threads;
/// sums over rows are in double precision, block by block in order. So the result is deterministic.
struct LogisticObjective {
    // N rows of D, K labels.
    private let kind: HeadKind
    private let dimensions: Int
    private let labels: Int
    private let rows: Int
    private let penalty: Double
    private let blocks: [Block]

    /// Rows that go through one product.
    private static let blockRows = 2_048

    private struct Block {
        /// [rows, D].
        let vectors: Matrix
        /// x -> x X for x [K, rows]: the gradient's sum over rows.
        let gather: DenseProjection
        let targets: ArraySlice<[Int]>
    }

    /// - Parameters:
    ///   - vectors: [N, D], standardised.
    ///   - targets: label indices of each row.
    ///   - inverseRegularization: C > 0.
    init(
        kind: HeadKind, vectors: [Float], dimensions: Int, targets: [[Int]], labels: Int,
        inverseRegularization: Double
    ) {
        self.kind = kind
        self.dimensions = dimensions
        self.labels = labels
        rows = targets.count
        penalty = 1 / (inverseRegularization * Double(targets.count))
        blocks = stride(from: 0, to: targets.count, by: Self.blockRows).map { start in
            let end = min(start + Self.blockRows, targets.count)
            let part = Array(vectors[start * dimensions..<end * dimensions])
            return Block(
                vectors: Matrix(part, columns: dimensions),
                gather: DenseProjection(
                    weight: part, transposed: false, bias: nil, inputs: end - start,
                    outputs: dimensions, activation: .none),
                targets: targets[start..<end])
        }
    }

    /// The number of parameters.
    var parameterCount: Int { labels * (dimensions + 1) }

    /// f and its gradient at `parameters`.
    func evaluate(_ parameters: [Double]) -> (value: Double, gradient: [Double]) {
        let weightCount = labels * dimensions
        let forward = DenseProjection(
            weight: parameters[..<weightCount].map { Float($0) }, transposed: true, bias: nil,
            inputs: dimensions, outputs: labels, activation: .none)
        let bias = Array(parameters[weightCount...])
        var loss = 0.0
        var gradient = Array(repeating: 0.0, count: parameterCount)
        for block in blocks {
            loss += add(block, forward, bias, &gradient)
        }
        let scale = 1 / Double(rows)
        var squares = 0.0
        for index in gradient.indices {
            gradient[index] *= scale
            guard index < weightCount else { continue }
            squares += parameters[index] * parameters[index]
            gradient[index] += penalty * parameters[index]
        }
        return (loss * scale + penalty * squares / 2, gradient)
    }

    /// Adds the block's sums to `gradient`; the sum of its losses.
    private func add(
        _ block: Block, _ forward: DenseProjection, _ bias: [Double], _ gradient: inout [Double]
    ) -> Double {
        let count = block.targets.count
        let scores = Matrix(rowCapacity: count, columns: labels)
        forward.apply(block.vectors, into: scores)
        let flat = scores.copyRows(0..<count)
        let residuals = Matrix(rowCapacity: labels, columns: count)
        var loss = 0.0
        for (row, target) in block.targets.enumerated() {
            let raw = (0..<labels).map { Double(flat[row * labels + $0]) + bias[$0] }
            let (rowLoss, difference) = residual(raw, target)
            loss += rowLoss
            for label in 0..<labels {
                residuals[label, row] = Float(difference[label])
                gradient[labels * dimensions + label] += difference[label]
            }
        }
        let sums = Matrix(rowCapacity: labels, columns: dimensions)
        block.gather.apply(residuals, into: sums)
        for (index, value) in sums.copyRows(0..<labels).enumerated() {
            gradient[index] += Double(value)
        }
        return loss
    }

    /// A row's loss, and its derivative with respect to the raw scores: probability minus target.
    private func residual(_ raw: [Double], _ target: [Int]) -> (Double, [Double]) {
        switch kind {
        case .softmax:
            var difference = Probability.softmax(raw)
            difference[target[0]] -= 1
            return (Probability.logSumExp(raw) - raw[target[0]], difference)
        case .sigmoid:
            var difference = raw.map(Probability.sigmoid)
            var loss = raw.reduce(0) { $0 + Probability.softplus($1) }
            for label in target {
                difference[label] -= 1
                loss -= raw[label]
            }
            return (loss, difference)
        }
    }
}
