import HTTPAPI
import Logging
import ServiceLifecycle
import UnixSignals

/// Reads the file of keys again on SIGHUP. A file that cannot be used changes nothing.
struct APIKeyReload: Service, CustomStringConvertible {
    let keys: APIKeys
    /// The keys given as flags, which stay.
    let fixed: [String]
    let path: String
    let logger: Logger
    /// The life cycle logs its services; the keys are not for a log.
    let description = "key reload"

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            do {
                let read = try APIKeys.read(file: path)
                try keys.replace(with: fixed + read)
                logger.notice(
                    "keys reloaded",
                    metadata: [
                        "path": "\(path)", "keys": .stringConvertible(fixed.count + read.count),
                    ])
            } catch {
                logger.error("the keys were not reloaded, the old ones stay: \(error)")
            }
        }
    }
}
