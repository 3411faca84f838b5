/// How long a connection still waits for the next bytes of a body.
///
/// What was waited is used up until bytes make up for it, so that a body of a byte now and then is not
/// waited for much longer than one that does not come at all.
package struct BodyPatience: Sendable {
    /// The longest wait for the next bytes; zero or less when there is none left.
    package private(set) var left: Duration
    private let longest: Duration
    private let rate: Int

    /// - Parameters:
    ///   - longest: what is waited at first, and the most that bytes can make up for.
    ///   - rate: so many bytes make up for a second.
    package init(longest: Duration, rate: Int) {
        left = longest
        self.longest = longest
        self.rate = rate
    }

    /// Uses up a wait.
    package mutating func waited(_ time: Duration) {
        left -= time
    }

    /// Makes up for what was waited before, as far as so many bytes do.
    package mutating func received(bytes: Int) {
        left = min(left + .seconds(1) * bytes / rate, longest)
    }
}
