import Foundation

/// How many connections the process's descriptor limit leaves room for.
///
/// Running out of descriptors does not only stop `accept`: files of the store cannot be opened, and
/// the system's timers abort the process when they get none. So some are kept back.
package enum DescriptorBudget {
    /// Descriptors that connections leave to the rest of the process.
    package static let reserve = 56

    /// How many of those may belong to spools; a process with a store needs about 30 for
    /// the rest, and two for each export.
    static let spools = 16

    /// The most connections, at least one, of `wanted` under a limit of `limit` descriptors.
    package static func connections(wanted: Int, limit: Int) -> Int {
        max(1, min(wanted, limit - reserve))
    }

    /// The limit of this process, raised as far as `wanted` connections need and the system lets.
    static func limit(for wanted: Int) -> Int {
        let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        let (needed, overflow) = max(0, wanted).addingReportingOverflow(reserve)
        let target = min(overflow ? .max : rlim_t(needed), limit.rlim_max)
        if target > limit.rlim_cur {
            var raised = limit
            raised.rlim_cur = target
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Makes the system's timers take their descriptors now: they abort the process when a first
    /// timer finds none.
    static func claimTimers() async {
        try? await ContinuousClock().sleep(for: .milliseconds(1))
        try? await SuspendingClock().sleep(for: .milliseconds(1))
    }
}
