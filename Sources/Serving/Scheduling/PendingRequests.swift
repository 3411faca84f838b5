import BiGSModel

/// Everything that was admitted and not answered yet, with the queue that orders it. Owned by the
/// executor, under its lock.
struct PendingRequests {
    typealias Result = Swift.Result<InferenceExecutor.Outcome, ServiceError>

    /// One call of `InferenceExecutor.run`.
    struct Request {
        let model: BiGSModel
        let sequences: [TokenSequence]
        let outputs: OutputRequest
        let admitted: ContinuousClock.Instant
        let deadline: ContinuousClock.Instant?
        let continuation: CheckedContinuation<Result, Never>
        /// Told of each text's result as soon as it is there.
        let arrived: InferenceExecutor.Arrival?
        var results: [SequenceOutput?]
        var remaining: Int
        var started: ContinuousClock.Instant?
    }

    /// An answer that is ready to be given, outside the lock.
    struct Answer {
        let request: Request
        let result: Result

        func give() { request.continuation.resume(returning: result) }
    }

    /// What came of a pass, to be given outside the lock.
    struct Finished {
        /// The answers that are complete with it.
        var answers: [Answer] = []
        /// Results of requests that are not.
        var arrivals: [(tell: InferenceExecutor.Arrival, index: Int, output: SequenceOutput)] = []

        func give() {
            for answer in answers { answer.give() }
            for arrival in arrivals { arrival.tell(arrival.index, arrival.output) }
        }
    }

    /// A pass with all that it takes to run it.
    struct Work {
        let pass: AdmissionQueue.Pass
        let model: BiGSModel
        let batch: TokenBatch
        let outputs: OutputRequest
    }

    private(set) var queue: AdmissionQueue
    private var requests: [UInt64: Request] = [:]
    /// No deadline is earlier; it may be that of a request that is gone.
    private var earliestDeadline: ContinuousClock.Instant?
    /// Models by their place in a group's number.
    private var models: [BiGSModel] = []

    init(limits: AdmissionQueue.Limits) { queue = AdmissionQueue(limits: limits) }

    /// Takes a request, or leaves it when the queue is full.
    mutating func admit(_ id: UInt64, _ request: Request) -> Bool {
        let counts = request.sequences.map(\.ids.count)
        guard queue.admit(id, tokenCounts: counts, group: group(of: request)) else { return false }
        requests[id] = request
        if let deadline = request.deadline {
            earliestDeadline = earliestDeadline.map { min($0, deadline) } ?? deadline
        }
        return true
    }

    /// Takes a request out, wherever it stands: what waits of it never runs, what runs of it is
    /// thrown away.
    mutating func remove(_ id: UInt64) -> Request? {
        queue.remove(id)
        return requests.removeValue(forKey: id)
    }

    /// Takes all of them out.
    mutating func removeAll() -> [Request] {
        for id in requests.keys { queue.remove(id) }
        defer { requests = [:] }
        return Array(requests.values)
    }

    /// Takes out those whose deadline has passed.
    mutating func expire(at now: ContinuousClock.Instant) -> [Answer] {
        guard let earliestDeadline, earliestDeadline <= now else { return [] }
        var expired: [Answer] = []
        var next: ContinuousClock.Instant?
        for (id, request) in requests {
            guard let deadline = request.deadline else { continue }
            if deadline <= now {
                queue.remove(id)
                requests[id] = nil
                expired.append(Answer(request: request, result: .failure(.deadlinePassed)))
            } else {
                next = next.map { min($0, deadline) } ?? deadline
            }
        }
        self.earliestDeadline = next
        return expired
    }

    /// What runs next, or, `interrupting` a pass, before that one goes on.
    mutating func nextWork(interrupting: Bool, at now: ContinuousClock.Instant) -> Work? {
        guard let pass = interrupting ? queue.interruption() : queue.nextPass(),
            let first = pass.units.first, let leader = requests[first.request]
        else { return nil }
        var sequences: [TokenSequence] = []
        sequences.reserveCapacity(pass.units.count)
        for unit in pass.units {
            guard let request = requests[unit.request] else { continue }
            if request.started == nil { requests[unit.request]?.started = now }
            sequences.append(request.sequences[unit.index])
        }
        return Work(
            pass: pass, model: leader.model, batch: TokenBatch(sequences: sequences),
            outputs: leader.outputs)
    }

    /// Whether somebody still waits for any of the pass's texts.
    func isWanted(_ pass: AdmissionQueue.Pass) -> Bool {
        pass.units.contains { requests[$0.request] != nil }
    }

    /// Takes in what came of a pass.
    mutating func finish(
        _ pass: AdmissionQueue.Pass, _ result: Swift.Result<ModelOutput, ModelError>,
        at now: ContinuousClock.Instant
    ) -> Finished {
        var finished = Finished()
        for (position, unit) in pass.units.enumerated() {
            guard var request = requests.removeValue(forKey: unit.request) else { continue }
            switch result {
            case .success(let output):
                request.results[unit.index] = output.sequences[position]
                request.remaining -= 1
                guard request.remaining == 0 else {
                    requests[unit.request] = request
                    if let tell = request.arrived {
                        finished.arrivals.append((tell, unit.index, output.sequences[position]))
                    }
                    continue
                }
                let started = request.started ?? now
                finished.answers.append(
                    Answer(
                        request: request,
                        result: .success(
                            InferenceExecutor.Outcome(
                                outputs: request.results.compactMap { $0 },
                                queueTime: started - request.admitted,
                                inferenceTime: now - started))))
            case .failure(let error):
                queue.remove(unit.request)
                finished.answers.append(
                    Answer(request: request, result: .failure(.model(error))))
            }
        }
        return finished
    }

    /// Texts share a pass when the same model has to give the same kind of results.
    private mutating func group(of request: Request) -> Int {
        let place =
            models.firstIndex { $0 === request.model }
            ?? {
                models.append(request.model)
                return models.count - 1
            }()
        return place << 16 | request.outputs.rawValue
    }
}
