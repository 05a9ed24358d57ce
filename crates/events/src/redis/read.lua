-- Reads a job's stream from after a number.
--
-- KEYS: the stream, its guard. ARGV: the number, most events, ms to live of a stream that begins.
-- Answers epoch, number of the newest event, and the events as number and text in turn.
local held = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
local epoch, last = held[1], held[2]
if not epoch then
    redis.call('DEL', KEYS[1])
    local time = redis.call('TIME')
    epoch, last = string.format('%d%06d', time[1], time[2]), '0'
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'seq', last)
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local answer = { epoch, last }
if tonumber(ARGV[2]) > 0 then
    local from = string.format('(%s-0', ARGV[1])
    for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2])) do
        answer[#answer + 1] = string.match(entry[1], '^%d+')
        answer[#answer + 1] = entry[2][2]
    end
end
return answer
