import Foundation
import TestSupport
import Testing

@testable import Kernels

/// Control groups as folders of files, as Linux, Docker and Kubernetes lay them out.
@Suite struct ProcessorQuotaTests {
    private func quota(groups: String, _ files: [String: String]) throws -> Double? {
        let root = try SmallModel.temporaryDirectory()
        var files = files
        files["proc/self/cgroup"] = groups
        for (path, content) in files {
            let url = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content.utf8).write(to: url)
        }
        return ProcessorQuota.read(root: root.path)
    }

    @Test func versionTwoInAContainer() throws {
        #expect(
            try quota(groups: "0::/\n", ["sys/fs/cgroup/cpu.max": "250000 100000\n"]) == 2.5)
        #expect(try quota(groups: "0::/\n", ["sys/fs/cgroup/cpu.max": "max 100000\n"]) == nil)
        #expect(try quota(groups: "0::/\n", [:]) == nil)
    }

    /// A group can use no more than any of those that it lies in.
    @Test func theLeastOfAllAncestors() throws {
        let files = [
            "sys/fs/cgroup/a.slice/cpu.max": "100000 100000\n",
            "sys/fs/cgroup/a.slice/b.service/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/other/cpu.max": "1000 100000\n",
        ]
        #expect(try quota(groups: "0::/a.slice/b.service\n", files) == 1)
        #expect(try quota(groups: "0::/../a.slice/b.service\n", files) == 1)
    }

    @Test func versionOne() throws {
        let groups = "12:pids:/x\n4:cpu,cpuacct:/docker/f00\n1:name=systemd:/y\n"
        for folder in ["cpu,cpuacct/docker/f00", "cpu,cpuacct", "cpu"] {
            let files = [
                "sys/fs/cgroup/\(folder)/cpu.cfs_quota_us": "150000\n",
                "sys/fs/cgroup/\(folder)/cpu.cfs_period_us": "50000\n",
            ]
            #expect(try quota(groups: groups, files) == 3)
            let unlimited = files.mapValues { $0 == "150000\n" ? "-1\n" : $0 }
            #expect(try quota(groups: groups, unlimited) == nil)
        }
    }

    @Test(arguments: ["", "0::", "::", "0:/\n", "1:cpu", "0::/\n\n", "max", "x:y:z:w"])
    func strangeGroups(groups: String) throws {
        #expect(try quota(groups: groups, ["sys/fs/cgroup/other/cpu.max": "1 1"]) == nil)
    }

    @Test(arguments: ["", "1", "a b", "0 100000", "-1 100000", "100000 0", "nan nan", "1 2 3"])
    func strangeLimits(limit: String) throws {
        #expect(try quota(groups: "0::/\n", ["sys/fs/cgroup/cpu.max": limit]) == nil)
    }

    @Test(arguments: [
        (8, nil, 8), (8, 2.0, 2), (8, 2.5, 2), (8, 1.999, 2), (8, 0.25, 1), (8, 64.0, 8),
        (2, .infinity, 2),
    ])
    func threads(cores: Int, quota: Double?, expected: Int) {
        #expect(ComputeThreads.count(cores: cores, quota: quota) == expected)
    }
}
