-- Tokens as they are summed: no call has more than a billion, so such a count is none.
create or replace macro sane_tokens(tokens) as
    case when tokens between 0 and 1000000000 then tokens else 0 end;
