/// The last steps from a pooled vector to what a caller gets.
package struct VectorFinish: Sendable, Equatable {
    /// Whether the vector is scaled to length one.
    package var normalize: Bool
    /// How many leading dimensions are kept; nil keeps all.
    package var dimensions: Int?

    /// The first `dimensions` numbers (nil: all), of length one if `normalize`.
    package init(normalize: Bool = true, dimensions: Int? = nil) {
        self.normalize = normalize
        self.dimensions = dimensions
    }

    /// `vector` cut to `dimensions`, then divided by its Euclidean norm (summed in double precision,
    /// in order, so that the same vector always gives the same bytes). Zero stays zero.
    package func apply(_ vector: [Float]) -> [Float] {
        let kept = dimensions.map { Array(vector.prefix($0)) } ?? vector
        guard normalize else { return kept }
        var sum = 0.0
        for value in kept { sum += Double(value) * Double(value) }
        guard sum > 0 else { return kept }
        let norm = sum.squareRoot()
        return kept.map { Float(Double($0) / norm) }
    }
}
