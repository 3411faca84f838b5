package import BiGSModel
import Foundation
import Kernels
import Synchronization

/// The one thread that runs models, behind a queue bounded in tokens.
///
/// It owns the cores: texts run through layers only here, so that passes never compete with each other
/// or with Swift's cooperative pool, which stays free to answer. (What a head makes of a mean that is
/// there already is one small product, done where it is asked for.) Passes run in steps, a layer
/// or a part of a large one; between two of them a short request may run (``AdmissionQueue`` has the policy), and
/// what nobody waits for any more, because its caller left or its deadline passed, is dropped.
/// At most two passes are under way, one of which is quick, each in a workspace of its own: that
/// bounds the memory, and it keeps results the same bits whatever runs beside.
package final class InferenceExecutor: Sendable {
    /// What came of a request, and when.
    package struct Outcome: Sendable {
        /// One result per text, in the order given.
        package let outputs: [SequenceOutput]
        /// From admission until the first of its texts began to run.
        package let queueTime: Duration
        /// From then until the last one was done.
        package let inferenceTime: Duration
    }

    /// Told of a text's result, by its place in the request, by the thread that runs models.
    package typealias Arrival = @Sendable (Int, SequenceOutput) -> Void

    /// Texts are packed up to so many tokens: dense products reach their full speed far below, and
    /// a layer of more would hold up those who wait for its end.
    package static let packedTokens = 4_096
    /// The most tokens of a request that runs between the steps of others.
    package static let quickTokens = 512

    /// What the executor has done since it started.
    package struct Counts: Sendable, Equatable {
        /// Passes that were begun.
        package var passes = 0
        /// Those of them that ran between the steps of another one.
        package var interruptions = 0
        /// Passes that were dropped because nobody waited for them any more.
        package var dropped = 0
        /// Requests whose deadline passed before they were done.
        package var expired = 0
    }

    struct State {
        var pending: PendingRequests
        var counts = Counts()
        var runningTokens = 0
        /// A moving mean, for `Retry-After`.
        var tokensPerSecond = 2_000.0
        var stopping = false
    }

    /// The model that runs texts unless another one is named.
    package let model: BiGSModel
    let limits: AdmissionQueue.Limits
    let state: Mutex<State>
    let wake = DispatchSemaphore(value: 0)
    private let nextID = Atomic<UInt64>(1)

    /// Starts the thread. `threads` is the number of cores the kernels may use; nil means all.
    package init(
        model: BiGSModel, maximumBatchTokens: Int, maximumQueueTokens: Int, threads: Int? = nil,
        quickTokens: Int = InferenceExecutor.quickTokens
    ) {
        self.model = model
        limits = AdmissionQueue.Limits(
            waitingTokens: maximumQueueTokens,
            passTokens: min(maximumBatchTokens, Self.packedTokens),
            quickTokens: quickTokens)
        state = Mutex(State(pending: PendingRequests(limits: limits)))
        let thread = Thread { [self] in
            if let threads { ComputeThreads.configure(threads) }
            PassRunner(executor: self).run()
        }
        thread.name = "bigs-inference"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Tokens that wait or run now.
    package var load: Int {
        state.withLock { $0.pending.queue.queuedTokens + $0.runningTokens }
    }

    /// Texts that wait now.
    package var queuedTexts: Int { state.withLock { $0.pending.queue.queuedTexts } }

    /// What was done since the start.
    package var counts: Counts { state.withLock { $0.counts } }

    /// Runs texts through `model` (the executor's own by default), together or in several passes.
    ///
    /// A task that is cancelled, and one whose ``RequestDeadline`` passes, leaves at once; its
    /// texts that wait never run, and a pass whose texts are all abandoned ends with its step.
    /// - Parameter arrived: told of results that are there before all of them are; it has to be quick.
    package func run(
        _ sequences: [TokenSequence], outputs: OutputRequest, model: BiGSModel? = nil,
        arrived: Arrival? = nil
    ) async throws(ServiceError) -> Outcome {
        try checkDeadline()
        let id = nextID.wrappingAdd(1, ordering: .relaxed).oldValue
        let deadline = RequestDeadline.current
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                admit(
                    id,
                    PendingRequests.Request(
                        model: model ?? self.model, sequences: sequences, outputs: outputs,
                        admitted: .now, deadline: deadline, continuation: continuation,
                        arrived: arrived, results: Array(repeating: nil, count: sequences.count),
                        remaining: sequences.count))
            }
        } onCancel: {
            cancel(id)
        }
        return try result.get()
    }

    /// Throws `deadlinePassed`, and counts that, where the current task has no more time.
    func checkDeadline() throws(ServiceError) {
        guard RequestDeadline.hasPassed else { return }
        state.withLock { $0.counts.expired += 1 }
        throw .deadlinePassed
    }

    /// Ends the thread after the step that runs; what still waits is refused.
    package func stop() {
        let abandoned = state.withLock { state in
            state.stopping = true
            return state.pending.removeAll()
        }
        for request in abandoned {
            request.continuation.resume(returning: .failure(.shuttingDown))
        }
        wake.signal()
    }

    private func admit(_ id: UInt64, _ request: PendingRequests.Request) {
        if request.sequences.isEmpty {
            let nothing = Outcome(outputs: [], queueTime: .zero, inferenceTime: .zero)
            request.continuation.resume(returning: .success(nothing))
            return
        }
        let refusal: ServiceError? = state.withLock { state in
            if state.stopping { return .shuttingDown }
            // The cancellation handler may have run before there was anything to cancel.
            if Task.isCancelled {
                guard RequestDeadline.hasPassed else { return .cancelled }
                state.counts.expired += 1
                return .deadlinePassed
            }
            if state.pending.admit(id, request) { return nil }
            let queue = state.pending.queue
            // When there will be room, which is long before all that waits is done.
            let ahead =
                state.runningTokens + queue.excess(tokenCounts: request.sequences.map(\.ids.count))
            let seconds = Double(ahead) / max(state.tokensPerSecond, 1)
            return .overloaded(
                queuedTokens: queue.queuedTokens + state.runningTokens,
                retryAfter: min(max(Int(seconds.rounded(.up)), 1), 3600))
        }
        if let refusal {
            request.continuation.resume(returning: .failure(refusal))
        } else {
            wake.signal()
        }
    }

    private func cancel(_ id: UInt64) {
        let now = ContinuousClock.now
        let waiting = state.withLock { state in
            let waiting = state.pending.remove(id)
            if let deadline = waiting?.deadline, deadline <= now { state.counts.expired += 1 }
            return waiting
        }
        guard let waiting else { return }
        // A deadline cancels its work.
        let hasExpired = waiting.deadline.map { $0 <= now } ?? false
        waiting.continuation.resume(
            returning: .failure(hasExpired ? .deadlinePassed : .cancelled))
    }
}
