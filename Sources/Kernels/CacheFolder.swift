import Glibc

/// Where measurements are kept between processes: `$XDG_CACHE_HOME/bigs`, else `~/.cache/bigs`.
package enum CacheFolder {
    /// The folder's path, if it exists or can be made, and is writable.
    package static func path() -> String? {
        let cache: String
        if let set = getenv("XDG_CACHE_HOME"), set.pointee == UInt8(ascii: "/") {
            cache = String(cString: set)
        } else if let home = getenv("HOME"), home.pointee == UInt8(ascii: "/") {
            cache = String(cString: home) + "/.cache"
        } else {
            return nil
        }
        mkdir(cache, 0o755)
        mkdir(cache + "/bigs", 0o755)
        guard access(cache + "/bigs", W_OK) == 0 else { return nil }
        return cache + "/bigs"
    }
}
