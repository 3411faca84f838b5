/// Fits a linear head: standardisation, L2-regularised logistic regression by L-BFGS, its strength
/// chosen by stratified cross-validation.
package struct HeadTrainer: Sendable {
    /// How many folds; 2 or more.
    package var folds = 5
    /// The strengths to choose from: C, the inverse of the L2 penalty, rising.
    package var candidates = [0.001, 0.01, 0.1, 1, 10, 100]
    /// Ends a fit where no part of the gradient of the mean loss is larger.
    package var gradientTolerance = 1e-5
    /// The most iterations of one fit.
    package var maximumIterations = 200

    /// What came of it.
    package struct Result: Sendable {
        /// Fitted on all rows with the chosen strength.
        package let head: LinearHead
        /// Of the chosen strength, on rows that the judged head had not seen.
        package let metrics: HeadMetrics
        /// The chosen C.
        package let inverseRegularization: Double
        /// Out-of-fold metrics of each candidate.
        package let validation: [(inverseRegularization: Double, metrics: HeadMetrics)]
        /// How many folds there were: no more than rows.
        package let folds: Int
        /// Iterations of the last fit.
        package let iterations: Int
        /// Whether the last fit converged.
        package let isConverged: Bool
    }

    /// A trainer with the documented defaults.
    package init() {}

    /// What a training is about to do.
    package enum Step: Sendable, Equatable {
        /// Fits on all folds but this one, counted from 1, and judges on it.
        case fold(Int, of: Int)
        case lastFit
    }

    /// Chooses the strength with the lowest out-of-fold cross-entropy (of equal ones the strongest
    /// penalty), then fits on all rows. Memory: about three times the set's own.
    package func train(_ set: TrainingSet, progress: (Step) -> Void = { _ in }) -> Result {
        precondition(!candidates.isEmpty && candidates.allSatisfy { $0 > 0 })
        let folds = StratifiedFolds(set.targets, count: folds)
        var scores = candidates.map { _ in Array(repeating: [Float](), count: set.count) }
        for (fold, held) in folds.folds.enumerated() {
            progress(.fold(fold + 1, of: folds.folds.count))
            let rest = Prepared(set.subset(folds.others(than: fold)))
            var start: [Double]?
            for (index, candidate) in candidates.enumerated() {
                // The solution for a stronger penalty lies near.
                let (head, outcome) = fit(rest, candidate, from: start)
                start = outcome.parameters
                for row in held { scores[index][row] = head.scores(Array(set.vector(row))) }
            }
        }
        let validation = zip(candidates, scores).map { candidate, scores in
            (
                inverseRegularization: candidate,
                metrics: HeadMetrics(
                    kind: set.kind, scores: scores, targets: set.targets, labels: set.labels.count)
            )
        }
        var best = validation[0]
        for entry in validation where entry.metrics.logLoss < best.metrics.logLoss { best = entry }
        progress(.lastFit)
        let (head, outcome) = fit(Prepared(set), best.inverseRegularization)
        return Result(
            head: head, metrics: best.metrics, inverseRegularization: best.inverseRegularization,
            validation: validation, folds: folds.folds.count, iterations: outcome.iterations,
            isConverged: outcome.isConverged)
    }

    /// Rows and their standardisation.
    private struct Prepared {
        let set: TrainingSet
        let standardization: Standardization
        let vectors: [Float]

        init(_ set: TrainingSet) {
            self.set = set
            standardization = Standardization(set.vectors, dimensions: set.dimensions)
            vectors = standardization.apply(set.vectors)
        }
    }

    /// One fit with C = `candidate`; the standardisation is folded into the head.
    package func fit(_ set: TrainingSet, inverseRegularization candidate: Double) -> LinearHead {
        fit(Prepared(set), candidate).0
    }

    private func fit(
        _ prepared: Prepared, _ candidate: Double, from start: [Double]? = nil
    ) -> (LinearHead, LBFGS.Outcome) {
        let set = prepared.set
        let objective = LogisticObjective(
            kind: set.kind, vectors: prepared.vectors, dimensions: set.dimensions,
            targets: set.targets, labels: set.labels.count, inverseRegularization: candidate)
        let solver = LBFGS(
            maximumIterations: maximumIterations, gradientTolerance: gradientTolerance)
        let outcome = solver.minimize(
            from: start ?? Array(repeating: 0, count: objective.parameterCount),
            objective.evaluate)
        let weightCount = set.labels.count * set.dimensions
        let (weights, bias) = prepared.standardization.folded(
            weights: Array(outcome.parameters[..<weightCount]),
            bias: Array(outcome.parameters[weightCount...]))
        let head = LinearHead(
            kind: set.kind, labels: set.labels, dimensions: set.dimensions, weights: weights,
            bias: bias)
        return (head, outcome)
    }
}
