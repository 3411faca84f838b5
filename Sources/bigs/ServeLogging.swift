import ArgumentParser
import HTTPAPI
import Logging

/// How `--log-level` is spelled: the levels of swift-log.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case trace, debug, info, notice, warning, error, critical

    var level: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}

/// How `--log-format` is spelled.
enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    /// A line for people.
    case text
    /// A JSON object a line.
    case json

    /// A logger that writes to standard error, and adds each request's ids to its lines.
    func logger(label: String, level: Logger.Level) -> Logger {
        let provider = RequestContext.metadataProvider
        var logger = Logger(label: label) { label in
            switch self {
            case .text: StreamLogHandler.standardError(label: label, metadataProvider: provider)
            case .json: JSONLogHandler(label: label, metadataProvider: provider)
            }
        }
        logger.logLevel = level
        return logger
    }
}
