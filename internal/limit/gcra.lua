-- The rule of Decide, for one bucket. A double holds whole numbers to 2^53,
-- too few for nanoseconds since 1970: times are kept as seconds and the rest.
-- KEYS: bucket. ARGV: now (seconds, nanoseconds), then in nanoseconds: what
-- one event costs, the whole bucket, the window.
local sec, nsec = tonumber(ARGV[1]), tonumber(ARGV[2])
local cost, whole, window = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

-- left is how far a time lies ahead of now: 0 when it is past or unknown.
local function left(s, ns)
	return math.max(0, ((tonumber(s) or 0) - sec) * 1e9 + (tonumber(ns) or 0) - nsec)
end

-- ahead is the reverse.
local function ahead(ns)
	ns = nsec + ns
	return sec + math.floor(ns / 1e9), ns % 1e9
end

local known = redis.call('HMGET', KEYS[1], 'full_s', 'full_ns', 'quiet_s', 'quiet_ns')
local debt, quiet = math.min(left(known[1], known[2]), whole), left(known[3], known[4])
if quiet > 2 * window then quiet = 0 end

local allowed, first = debt + cost <= whole, false
if allowed then
	debt = debt + cost
elseif quiet == 0 then
	first, quiet = true, window
	local s, ns = ahead(quiet)
	redis.call('HSET', KEYS[1], 'quiet_s', s, 'quiet_ns', ns)
end

local s, ns = ahead(debt)
redis.call('HSET', KEYS[1], 'full_s', s, 'full_ns', ns)
-- Then it holds nothing that an unused bucket does not.
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(debt, quiet) / 1e6))
return {allowed and 1 or 0, debt, first and 1 or 0}
