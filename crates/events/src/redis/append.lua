-- Appends an event to a job's stream and tells its subscribers, in one step.
--
-- KEYS: the stream, its guard, the channel. ARGV: attempt, whether it is a state event (1 or 0), its
-- number in the outbox or '', the event, most events, most bytes, ms to live, ms to live after the
-- job's end, and of a state event whether the job has ended (1 or 0), else ''.
-- Answers epoch and number, or 'stale', or 'repeated'.
local stream, guard, channel = KEYS[1], KEYS[2], KEYS[3]
local held = redis.call('HMGET', guard, 'epoch', 'seq', 'attempt', 'outbox', 'bytes', 'ended')
local epoch, seq = held[1], tonumber(held[2] or '0')
if not epoch then
    -- What is left of a stream whose guard is gone cannot be continued.
    redis.call('DEL', stream)
    local time = redis.call('TIME')
    epoch, seq = string.format('%d%06d', time[1], time[2]), 0
    held = { epoch, false, false, false, false, false }
end
local attempt, newest = tonumber(ARGV[1]), tonumber(held[3] or '0')
if attempt < newest and ARGV[2] == '0' then
    return 'stale'
end
if ARGV[3] ~= '' and held[4] and tonumber(ARGV[3]) <= tonumber(held[4]) then
    return 'repeated'
end
seq = seq + 1
local number = string.format('%d', seq)
redis.call('XADD', stream, 'MAXLEN', ARGV[5], number .. '-0', 'e', ARGV[4])
local bytes = tonumber(held[5] or '0') + #ARGV[4]
while bytes > tonumber(ARGV[6]) do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 2)
    if #oldest < 2 then
        break
    end
    redis.call('XDEL', stream, oldest[1][1])
    bytes = bytes - #oldest[1][2][2]
end
local ended = ARGV[9] ~= '' and ARGV[9] or held[6] or '0'
local changed = { 'epoch', epoch, 'seq', number, 'bytes', string.format('%d', bytes), 'ended', ended }
if attempt > newest then
    changed[#changed + 1] = 'attempt'
    changed[#changed + 1] = ARGV[1]
end
if ARGV[3] ~= '' then
    changed[#changed + 1] = 'outbox'
    changed[#changed + 1] = ARGV[3]
end
redis.call('HSET', guard, unpack(changed))
local alive = ended == '1' and ARGV[8] or ARGV[7]
redis.call('PEXPIRE', guard, alive)
redis.call('PEXPIRE', stream, alive)
redis.call('PUBLISH', channel, epoch .. ' ' .. number .. ' ' .. ARGV[4])
return epoch .. ' ' .. number
