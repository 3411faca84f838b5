import Serving
import Synchronization

/// What a handler tells about its work, for the metrics and the access log: numbers and the model's name.
package final class RequestRecord: Sendable {
    struct Values: Sendable {
        /// Whether the body was readable, and had one input or a list of them.
        var method: Method?
        var inputs = 0
        /// What the texts count as, where the route alone does not tell.
        var work: Route.Work?
        /// The name of the model that was asked.
        var model: String?
        var result: Encoded?
        /// What was wrong with the server, of an answer that could not say it in its status.
        var failure: String?
    }

    /// text-embeddings-inference's `method` label.
    enum Method: String, Sendable {
        case single
        case batch
    }

    /// What came of encoding.
    struct Encoded: Sendable {
        var usage: [TokenUsage]
        var cache: CacheOutcome
        var hits: Int
        var misses: Int
        var timings: EncodingResult.Timings

        /// The same without the vectors.
        init(_ result: EncodingResult) {
            usage = result.usage
            cache = result.cache
            hits = result.hits
            misses = result.misses
            timings = result.timings
        }
    }

    private let state = Mutex(Values())
    private let shares = Mutex<[SharedBudget.Share]>([])

    init() {}

    /// Keeps a part of the memory for bodies, or of that for answers, until the answer is out.
    func hold(_ share: SharedBudget.Share) { shares.withLock { $0.append(share) } }

    var values: Values { state.withLock { $0 } }

    /// What the texts count as, where the route alone does not tell.
    var work: Route.Work? {
        get { state.withLock { $0.work } }
        set { state.withLock { $0.work = newValue } }
    }

    /// Which model is asked.
    func asks(_ model: String) { state.withLock { $0.model = model } }

    /// The body was read: it has `inputs` texts, or is one text and not a list.
    func received(inputs: Int, isSingle: Bool) {
        state.withLock {
            $0.method = isSingle ? .single : .batch
            $0.inputs = inputs
        }
    }

    /// Something was wrong with the server, which its log is to say.
    func failed(_ reason: String) { state.withLock { $0.failure = reason } }

    /// The texts were encoded.
    func encoded(_ result: EncodingResult) {
        let encoded = Encoded(result)
        state.withLock { $0.result = encoded }
    }
}
