import BiGSModel
import CoreMetrics
import Dispatch
import Synchronization

/// What the executor's thread does: takes passes from the queue and runs them, step by step.
/// It alone touches the workspaces.
struct PassRunner {
    /// The buffers of one model: for the pass that may be interrupted, and for the one that
    /// interrupts it. Made when they are first needed.
    private final class Workspaces {
        private let model: BiGSModel
        private let limits: AdmissionQueue.Limits
        private lazy var long = model.makeWorkspace(
            tokenCapacity: max(limits.passTokens, model.configuration.maximumPositions))
        private lazy var quick = model.makeWorkspace(tokenCapacity: limits.quickTokens)

        init(_ model: BiGSModel, _ limits: AdmissionQueue.Limits) {
            self.model = model
            self.limits = limits
        }

        subscript(pass: AdmissionQueue.Pass) -> ModelWorkspace { pass.isQuick ? quick : long }
    }

    private let executor: InferenceExecutor
    // text-embeddings-inference's names.
    private let textsPerPass = Recorder(label: "te_batch_next_size")
    private let tokensPerPass = Recorder(label: "te_batch_next_tokens")
    private var workspaces: [ObjectIdentifier: Workspaces] = [:]

    init(executor: InferenceExecutor) { self.executor = executor }

    /// Runs what is asked for until the executor is stopped.
    consuming func run() {
        while true {
            executor.wake.wait()
            while let work = nextWork(interrupting: false) { run(work) }
            if executor.state.withLock({ $0.stopping }) { return }
        }
    }

    private func nextWork(interrupting: Bool) -> PendingRequests.Work? {
        let now = ContinuousClock.now
        let (expired, work) = executor.state.withLock { state in
            let expired = state.expire(at: now)
            let work = state.pending.nextWork(interrupting: interrupting, at: now)
            if let work {
                state.runningTokens += work.pass.tokens
                state.counts.passes += 1
                state.counts.interruptions += interrupting ? 1 : 0
            }
            return (expired, work)
        }
        for answer in expired { answer.give() }
        if let work {
            textsPerPass.record(work.pass.units.count)
            tokensPerPass.record(work.pass.tokens)
        }
        return work
    }

    private mutating func run(_ work: PendingRequests.Work) {
        var busy = Duration.zero
        do {
            let forward = try work.model.begin(
                work.batch, workspace: workspace(for: work), outputs: work.outputs)
            var progress = PassProgress(tokens: work.pass.tokens, steps: forward.remainingSteps)
            while true {
                if !work.pass.isQuick, progress.mayGiveWay,
                    let quick = nextWork(interrupting: true)
                {
                    run(quick)
                    progress.gaveWay(to: quick.pass.tokens)
                }
                guard isWanted(work.pass) else {
                    conclude(work, nil, busy)
                    return
                }
                let start = ContinuousClock.now
                let goesOn = forward.step()
                busy += ContinuousClock.now - start
                guard goesOn else { break }
                progress.tookStep()
            }
            conclude(work, .success(forward.output), busy)
        } catch  where work.pass.units.count > 1 {
            // One text that the model cannot take must not spoil the others' answers.
            for single in work.singles() { run(single) }
        } catch {
            conclude(work, .failure(error), busy)
        }
    }

    private mutating func workspace(for work: PendingRequests.Work) -> ModelWorkspace {
        let key = ObjectIdentifier(work.model)
        if let known = workspaces[key] { return known[work.pass] }
        let made = Workspaces(work.model, executor.limits)
        workspaces[key] = made
        return made[work.pass]
    }

    /// Whether somebody waits for what a pass will give. Deadlines are looked at here too.
    private func isWanted(_ pass: AdmissionQueue.Pass) -> Bool {
        let now = ContinuousClock.now
        let (expired, isWanted) = executor.state.withLock { state in
            (state.expire(at: now), state.pending.isWanted(pass))
        }
        for answer in expired { answer.give() }
        return isWanted
    }

    /// Hands out what came of a pass; nil: it was dropped.
    private func conclude(
        _ work: PendingRequests.Work, _ result: Result<ModelOutput, ModelError>?, _ busy: Duration
    ) {
        let now = ContinuousClock.now
        let seconds = busy / .seconds(1)
        let finished = executor.state.withLock { state in
            state.runningTokens -= work.pass.tokens
            guard let result else {
                state.counts.dropped += 1
                return PendingRequests.Finished()
            }
            if seconds > 0 {
                let rate = Double(work.pass.tokens) / seconds
                state.tokensPerSecond = 0.8 * state.tokensPerSecond + 0.2 * rate
            }
            return state.pending.finish(work.pass, result, at: now)
        }
        finished.give()
    }
}

extension InferenceExecutor.State {
    fileprivate mutating func expire(
        at now: ContinuousClock.Instant
    ) -> [PendingRequests.Answer] {
        let expired = pending.expire(at: now)
        counts.expired += expired.count
        return expired
    }
}

extension PendingRequests.Work {
    /// The same texts, each in a pass of its own.
    fileprivate func singles() -> [PendingRequests.Work] {
        zip(pass.units, batch.sequences).map { unit, sequence in
            let single = AdmissionQueue.Pass(
                units: [unit], tokens: sequence.ids.count, isQuick: pass.isQuick)
            return PendingRequests.Work(
                pass: single, model: model, batch: TokenBatch(sequences: [sequence]),
                outputs: outputs)
        }
    }
}
