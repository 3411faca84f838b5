import Foundation

/// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5) with a line
/// search for the strong Wolfe conditions (algorithms 3.5 and 3.6). Deterministic.
struct LBFGS {
    /// How many pairs of steps and gradient changes are remembered.
    var memory = 10
    var maximumIterations = 200
    /// Ends where no part of the gradient is larger.
    var gradientTolerance = 1e-5

    /// Where it ended, and why.
    struct Outcome {
        let parameters: [Double]
        let value: Double
        let iterations: Int
        /// Whether the gradient fell below the tolerance, or the value could not fall any more within
        /// the precision of the objective.
        let isConverged: Bool
    }

    typealias Objective = ([Double]) -> (value: Double, gradient: [Double])

    private struct Point {
        let step: Double
        let parameters: [Double]
        let value: Double
        let gradient: [Double]
        /// The derivative along the direction.
        let slope: Double
    }

    /// Minimises `objective` from `start`.
    func minimize(from start: [Double], _ objective: Objective) -> Outcome {
        var parameters = start
        var (value, gradient) = objective(start)
        var pairs: [(s: [Double], y: [Double], rho: Double)] = []
        for iteration in 0..<maximumIterations {
            if (gradient.map(abs).max() ?? 0) <= gradientTolerance {
                return Outcome(
                    parameters: parameters, value: value, iterations: iteration, isConverged: true)
            }
            var direction = Self.direction(gradient, pairs)
            if dot(direction, gradient) >= 0 {
                pairs = []
                direction = gradient.map { -$0 }
            }
            let first = pairs.isEmpty ? 1 / max(norm(gradient), 1) : 1
            guard
                let found = search(
                    from: parameters, value: value, slope: dot(direction, gradient), direction,
                    first: first, objective)
            else {
                // No step lowers the value measurably: the precision of the objective is reached.
                return Outcome(
                    parameters: parameters, value: value, iterations: iteration, isConverged: true)
            }
            let s = zip(found.parameters, parameters).map { $0 - $1 }
            let y = zip(found.gradient, gradient).map { $0 - $1 }
            let curvature = dot(s, y)
            if curvature > 1e-12 * dot(y, y) {
                pairs.append((s, y, 1 / curvature))
                if pairs.count > memory { pairs.removeFirst() }
            }
            (parameters, value, gradient) = (found.parameters, found.value, found.gradient)
        }
        return Outcome(
            parameters: parameters, value: value, iterations: maximumIterations, isConverged: false)
    }

    /// -H g by the two-loop recursion.
    private static func direction(
        _ gradient: [Double], _ pairs: [(s: [Double], y: [Double], rho: Double)]
    ) -> [Double] {
        var q = gradient
        var alphas: [Double] = []
        for pair in pairs.reversed() {
            let alpha = pair.rho * dot(pair.s, q)
            for index in q.indices { q[index] -= alpha * pair.y[index] }
            alphas.append(alpha)
        }
        if let last = pairs.last {
            let gamma = 1 / (last.rho * dot(last.y, last.y))
            for index in q.indices { q[index] *= gamma }
        }
        for (pair, alpha) in zip(pairs, alphas.reversed()) {
            let beta = pair.rho * dot(pair.y, q)
            for index in q.indices { q[index] += (alpha - beta) * pair.s[index] }
        }
        return q.map { -$0 }
    }

    /// A point along `direction` that satisfies the strong Wolfe conditions, or at least lowers the
    /// value; nil where none was found.
    private func search(
        from start: [Double], value: Double, slope: Double, _ direction: [Double], first: Double,
        _ objective: Objective
    ) -> Point? {
        let sufficient = 1e-4
        let curvature = 0.9
        func point(_ step: Double) -> Point {
            let parameters = zip(start, direction).map { $0 + step * $1 }
            let (value, gradient) = objective(parameters)
            return Point(
                step: step, parameters: parameters, value: value, gradient: gradient,
                slope: dot(direction, gradient))
        }
        func isTooHigh(_ point: Point) -> Bool {
            !point.value.isFinite || point.value > value + sufficient * point.step * slope
        }
        var low = Point(step: 0, parameters: start, value: value, gradient: [], slope: slope)
        var high: Point?
        var step = first
        for attempt in 0..<30 {
            let next = point(step)
            if isTooHigh(next) || (attempt > 0 && next.value >= low.value) {
                high = next
            } else {
                if abs(next.slope) <= -curvature * slope { return next }
                if let end = high {
                    if next.slope * (end.step - low.step) >= 0 { high = low }
                } else if next.slope >= 0 {
                    high = low
                }
                low = next
            }
            guard let end = high else {
                step *= 2
                continue
            }
            step = Self.between(low, end)
            if abs(end.step - low.step) < 1e-10 * max(abs(low.step), 1e-10) { break }
        }
        return low.step > 0 && low.value < value ? low : nil
    }

    /// The minimum of the parabola through `low` (value and slope) and `end` (value), kept away from
    /// both ends; the middle where the value at `end` is not finite.
    private static func between(_ low: Point, _ end: Point) -> Double {
        let width = end.step - low.step
        let rise = end.value - low.value - low.slope * width
        guard rise.isFinite, rise > 0 else { return low.step + width / 2 }
        let fraction = -low.slope * width / (2 * rise)
        return low.step + width * min(max(fraction, 0.1), 0.9)
    }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for index in a.indices { sum += a[index] * b[index] }
    return sum
}

private func norm(_ a: [Double]) -> Double { dot(a, a).squareRoot() }
