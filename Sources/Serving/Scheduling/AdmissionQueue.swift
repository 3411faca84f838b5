/// The scheduling policy, as a pure value: who waits, and what runs next. It knows neither threads
/// nor clocks; everything is counted in tokens, because tokens are what costs time and memory.
///
/// **Order.** Each request is a flow of self-clocked fair queueing (Golestani, INFOCOM 1994). A
/// request that arrives starts at the tag of the text that was served last, and each of its texts
/// has the tag of the one before it plus its own tokens; the text with the least tag is next, and
/// among equal ones that of the earlier request. So requests of equal size are served as they came,
/// a small one does not wait for all of a large one, large ones take turns, and nobody starves:
/// whatever comes later starts at a later tag.
///
/// **Passes.** A request that fits whole into `quickTokens` is *quick*. Quick requests share passes
/// with each other only, so that none of them takes as long as a document. All other texts are
/// packed up to `passTokens`; a text that is longer runs alone.
///
/// **Interruption.** Between two steps of a pass that is not quick, a quick pass may run; the other
/// one then has the next turns until it has done as many tokens of work as it gave way to
/// (``PassProgress``). So its time at most doubles, however many quick requests come.
package struct AdmissionQueue: Sendable {
    /// One text of a request.
    package struct Unit: Sendable, Equatable {
        /// The request it belongs to.
        package let request: UInt64
        /// Its index in that request.
        package let index: Int
    }

    /// Texts that go through the model together.
    package struct Pass: Sendable, Equatable {
        /// The texts; at least one.
        package internal(set) var units: [Unit] = []
        /// Their tokens together.
        package internal(set) var tokens = 0
        /// Whether it runs between the steps of other passes and is not interrupted itself.
        package internal(set) var isQuick = false
    }

    /// The bounds of the queue and of what comes out of it, all in tokens.
    package struct Limits: Sendable, Equatable {
        /// The most that may wait.
        package var waitingTokens: Int
        /// The most in one pass, unless a single text is longer.
        package var passTokens: Int
        /// The most in one quick pass.
        package var quickTokens: Int

        /// Quick passes are no larger than others.
        package init(waitingTokens: Int, passTokens: Int, quickTokens: Int) {
            self.waitingTokens = waitingTokens
            self.passTokens = passTokens
            self.quickTokens = min(quickTokens, passTokens)
        }
    }

    private struct Request: Sendable {
        let id: UInt64
        let group: Int
        let isQuick: Bool
        let tokenCounts: [Int]
        /// Whether it alone exceeds what may wait.
        let isOversized: Bool
        var next = 0
        /// Its tokens from `next` on.
        var waiting: Int
        /// The tag of the text at `next`.
        var tag: Int
    }

    /// The bounds that it was made with.
    package let limits: Limits
    /// Tokens that wait now (those of running passes are not counted).
    package private(set) var queuedTokens = 0
    /// In the order of arrival.
    private var requests: [Request] = []
    private var quickRequests = 0
    /// The tag of the text that was served last.
    private var clock = 0

    /// An empty queue.
    package init(limits: Limits) { self.limits = limits }

    /// Texts that wait now.
    package var queuedTexts: Int { requests.reduce(0) { $0 + $1.tokenCounts.count - $1.next } }

    /// Whether nothing waits.
    package var isEmpty: Bool { requests.isEmpty }

    /// Takes a request whole, or refuses it whole.
    ///
    /// A request that alone exceeds the bound counts as half of it: it could never be served otherwise,
    /// and leaves room for others, who are served between its texts. Only requests of the same `group`
    /// share a pass.
    /// - Returns: whether it was taken.
    package mutating func admit(_ id: UInt64, tokenCounts: [Int], group: Int) -> Bool {
        if tokenCounts.isEmpty { return true }
        let request = request(id, tokenCounts, group)
        guard queuedTokens == 0 || excess(of: request) <= 0 else { return false }
        queuedTokens += request.waiting
        quickRequests += request.isQuick ? 1 : 0
        requests.append(request)
        return true
    }

    /// How many tokens have to be served before there is room for such a request; 0 where there is.
    package func excess(tokenCounts: [Int]) -> Int {
        if tokenCounts.isEmpty || queuedTokens == 0 { return 0 }
        return max(0, excess(of: request(0, tokenCounts, 0)))
    }

    private func excess(of request: Request) -> Int {
        requests.reduce(room(of: request)) { $0 + room(of: $1) } - limits.waitingTokens
    }

    private func request(_ id: UInt64, _ tokenCounts: [Int], _ group: Int) -> Request {
        let tokens = tokenCounts.reduce(0, +)
        return Request(
            id: id, group: group, isQuick: tokens <= limits.quickTokens, tokenCounts: tokenCounts,
            isOversized: tokens > limits.waitingTokens, waiting: tokens,
            tag: clock + (tokenCounts.first ?? 0))
    }

    /// What a request takes of the tokens that may wait.
    private func room(of request: Request) -> Int {
        request.isOversized
            ? min(request.waiting, (limits.waitingTokens + 1) / 2) : request.waiting
    }

    /// Forgets what still waits of a request.
    package mutating func remove(_ id: UInt64) {
        guard let position = requests.firstIndex(where: { $0.id == id }) else { return }
        let request = requests.remove(at: position)
        queuedTokens -= request.waiting
        quickRequests -= request.isQuick ? 1 : 0
    }

    /// What runs next when nothing does; nil when nothing waits.
    package mutating func nextPass() -> Pass? {
        guard let first = leading(where: { _ in true }) else { return nil }
        return fill(from: first)
    }

    /// What runs before a pass that is not quick goes on; nil when nothing has to.
    package mutating func interruption() -> Pass? {
        guard quickRequests > 0, let first = leading(where: \.isQuick) else { return nil }
        return fill(from: first)
    }

    /// The request whose text has the least tag among those that `isEligible`.
    private func leading(where isEligible: (Request) -> Bool) -> Int? {
        var best: Int?
        for position in requests.indices where isEligible(requests[position]) {
            if let leader = best, requests[leader].tag <= requests[position].tag { continue }
            best = position
        }
        return best
    }

    /// A pass of texts of one kind and group in the order of their tags, as far as they fit.
    private mutating func fill(from first: Int) -> Pass {
        let (group, isQuick) = (requests[first].group, requests[first].isQuick)
        let limit = isQuick ? limits.quickTokens : limits.passTokens
        var pass = Pass(isQuick: isQuick)
        var position: Int? = first
        while let leader = position {
            let request = requests[leader]
            let cost = request.tokenCounts[request.next]
            if !pass.units.isEmpty, pass.tokens + cost > limit { break }
            pass.units.append(Unit(request: request.id, index: request.next))
            pass.tokens += cost
            clock = max(clock, request.tag)
            advance(leader)
            position = leading { $0.group == group && $0.isQuick == isQuick }
        }
        queuedTokens -= pass.tokens
        return pass
    }

    private mutating func advance(_ position: Int) {
        let next = requests[position].next + 1
        if next == requests[position].tokenCounts.count {
            quickRequests -= requests[position].isQuick ? 1 : 0
            requests.remove(at: position)
        } else {
            requests[position].waiting -= requests[position].tokenCounts[next - 1]
            requests[position].next = next
            requests[position].tag += requests[position].tokenCounts[next]
        }
    }
}
