/// What a handler has written and its client has not taken yet, in order: a little in memory, and
/// what is more in a file.
///
/// One task takes, any number add. It runs on a queue of its own, because files block.
actor Spool {
    /// The most bytes that are kept in memory, but for the last piece that was added.
    static let memory = 256 * 1024

    private let executor = BlockingExecutor(label: "http.spool")
    private let files: SpoolFiles
    /// What came before everything in `buffer`; there only while something is in it.
    private var file: SpoolFile?
    private var buffer: [UInt8] = []
    /// Whether the taker has come back for more after the last byte.
    private var isTaken = true
    private var isEnded = false
    private var failure: ConnectionError?
    /// The task that takes, when there is nothing for it to take.
    private var taker: CheckedContinuation<Void, Never>?
    private var waiters: [CheckedContinuation<Void, Never>] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(files: SpoolFiles) { self.files = files }

    /// The bytes in memory.
    var memoryBytes: Int { buffer.count }

    /// Adds bytes.
    /// - Returns: whether there is room for more. When there is not, the caller has to wait until
    ///   everything is taken.
    /// - Throws: what `fail` was told; `.disconnected` after the end.
    func add(_ bytes: [UInt8]) throws(ConnectionError) -> Bool {
        guard !isEnded else { throw failure ?? .disconnected }
        buffer += bytes
        isTaken = false
        resumeTaker()
        return buffer.count <= Self.memory || spill()
    }

    /// Returns when everything has been taken and the taker asks for more.
    /// - Throws: what `fail` was told.
    func waitUntilTaken() async throws(ConnectionError) {
        if failure == nil, !isTaken {
            await withCheckedContinuation { waiters.append($0) }
        }
        if let failure { throw failure }
    }

    /// The next bytes, as soon as there are any; nil at the end.
    /// - Throws: `.disconnected` when they cannot be read back.
    func take() async throws(ConnectionError) -> [UInt8]? {
        while true {
            if let file {
                guard let bytes = file.take(atMost: Self.memory) else { throw .disconnected }
                if file.isEmpty { self.file = nil }
                return bytes
            }
            if !buffer.isEmpty {
                defer { buffer = [] }
                return buffer
            }
            isTaken = true
            resumeWaiters()
            if isEnded { return nil }
            await withCheckedContinuation { taker = $0 }
        }
    }

    /// Says that nothing is added any more.
    func end() {
        isEnded = true
        resumeTaker()
    }

    /// Says that nothing is taken any more, and why; lets go of what is here.
    func fail(_ error: ConnectionError) {
        failure = failure ?? error
        file = nil
        buffer = []
        end()
        resumeWaiters()
    }

    private func spill() -> Bool {
        guard let file = file ?? files.open() else { return false }
        guard file.add(buffer) else { return false }
        self.file = file
        buffer = []
        return true
    }

    private func resumeTaker() {
        taker?.resume()
        taker = nil
    }

    private func resumeWaiters() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}
