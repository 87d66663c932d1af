-- Tokens as one call tells them: no call has more than a billion, so such a count was not told.
create or replace macro told_tokens(tokens) as
    case when tokens between 0 and 1000000000 then tokens end;
