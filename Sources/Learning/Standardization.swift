/// Shift and scale of each dimension to mean 0 and variance 1 (of the rows themselves, not an
/// estimate: divided by N), as scikit-learn's `StandardScaler`. A constant dimension is only shifted.
struct Standardization: Sendable, Equatable {
    /// [D].
    let mean: [Double]
    /// [D], positive.
    let scale: [Double]

    /// Measures rows [N, D], N > 0, in two passes.
    init(_ vectors: [Float], dimensions: Int) {
        let rows = vectors.count / dimensions
        var mean = Array(repeating: 0.0, count: dimensions)
        for row in 0..<rows {
            for column in 0..<dimensions {
                mean[column] += Double(vectors[row * dimensions + column])
            }
        }
        for column in 0..<dimensions { mean[column] /= Double(rows) }
        var variance = Array(repeating: 0.0, count: dimensions)
        for row in 0..<rows {
            for column in 0..<dimensions {
                let difference = Double(vectors[row * dimensions + column]) - mean[column]
                variance[column] += difference * difference
            }
        }
        scale = zip(variance, mean).map { sum, mean in
            let deviation = (sum / Double(rows)).squareRoot()
            // What is left of a constant is rounding, in proportion to its size.
            return deviation > 1e-7 * max(abs(mean), 1e-30) ? deviation : 1
        }
        self.mean = mean
    }

    /// The rows, shifted and scaled; [N, D].
    func apply(_ vectors: [Float]) -> [Float] {
        let dimensions = mean.count
        var result = vectors
        for start in stride(from: 0, to: vectors.count, by: dimensions) {
            for column in 0..<dimensions {
                let value = (Double(vectors[start + column]) - mean[column]) / scale[column]
                result[start + column] = Float(value)
            }
        }
        return result
    }

    /// Weights [K, D] and bias [K] for vectors as they are, from those for standardised ones:
    /// w . (x - m) / s + b = (w / s) . x + (b - (w / s) . m).
    func folded(
        weights: [Double], bias: [Double]
    ) -> (weights: [Float], bias: [Float]) {
        let dimensions = mean.count
        var shifted = bias
        let scaled = weights.indices.map { index in
            let weight = weights[index] / scale[index % dimensions]
            shifted[index / dimensions] -= weight * mean[index % dimensions]
            return Float(weight)
        }
        return (scaled, shifted.map { Float($0) })
    }
}
