/// How far a pass is, and when it may be interrupted again. A pure value.
package struct PassProgress: Sendable {
    /// What one step is worth: the pass's tokens by its number of steps.
    private let tokensPerStep: Double
    /// Tokens of work that the pass has a right to before it gives way again.
    private var owed = 0.0
    /// The share of the pass that is done, 0 to 1.
    package private(set) var fraction = 0.0
    private let fractionPerStep: Double

    /// A pass of `tokens` in `steps` steps of about the same length, none taken yet.
    package init(tokens: Int, steps: Int) {
        tokensPerStep = Double(tokens) / Double(max(steps, 1))
        fractionPerStep = 1 / Double(max(steps, 1))
    }

    /// A step was taken.
    package mutating func tookStep() {
        owed -= tokensPerStep
        if owed < 0 { owed = 0 }
        fraction = min(fraction + fractionPerStep, 1)
    }

    /// Another pass of `tokens` ran in between.
    package mutating func gaveWay(to tokens: Int) { owed += Double(tokens) }

    /// Whether another pass may run now.
    package var mayGiveWay: Bool { owed == 0 }
}
